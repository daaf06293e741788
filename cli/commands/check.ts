import { isSnapError, readMigrationHeads, SnapError, type Store } from '../../src/index.ts'
import { checkAge } from '../check/check-age.ts'
import { type CheckResult, isHealthy } from '../check/check-result.ts'
import { checkRules } from '../check/check-rules.ts'
import { checkFiles, checkPending, readHeadState, type SqlCheck } from '../check/check-sql.ts'
import type { LiveFlags } from '../compared-states.ts'
import { type ConfigFile, readConfigFile } from '../config-file.ts'
import type { Context } from '../context.ts'
import { findDatabaseOf } from '../database.ts'
import { ExitCode } from '../exit-codes.ts'
import { type InputFile, readInputFiles, readMatchingFiles } from '../input-files.ts'
import { parseAgeMs, parseCount, parseDurationMs } from '../options.ts'
import { formatCheck } from '../output/check-text.ts'
import { namedStoreDirectory, withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface CheckFlags extends LiveFlags {
  rules?: true
  pending?: true
  maxAge?: number
}

const NOTHING: CheckResult = { configFile: null, age: null, rules: null, sql: null }

export interface CheckJson extends CheckResult {
  isHealthy: boolean
}

export const defineCheck: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Raises an alarm where data has been lost or is about to be. Alone, it compares the ' +
      'database with HEAD by the rules of snap.config.json (without one: a table lost more than ' +
      'half of its rows, a table or a column is gone), and looks into the migration files that ' +
      'the database has not seen yet for statements that take data away. With files, --rules, ' +
      '--pending or --max-age it does just that; files and --max-age need no database. Nothing ' +
      'is run, changed or stored. Ends with 1 when there is an alarm. How rules and conditions are ' +
      "written, says 'snap help alarms'.",
    examples: [
      ['snap check', 'everything, as configured'],
      ['snap check migrations/0042_drop_email.sql', 'what a file would take away'],
      ['alembic upgrade head --sql | snap check -', 'what a tool would run'],
      ['snap check --pending', 'the migrations that are still to come'],
      ['snap check --max-age 26h', 'a probe for cron and monitoring: is the last commit recent?'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.different,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.postgres,
      ExitCode.backend,
    ],
    seeAlso: ['snap status', 'snap run', 'snap schedule', 'snap help alarms', 'snap help config'],
  })
    .argument('[files...]', 'SQL files, directories or patterns; - is stdin')
    .option('--rules', 'compare the database with HEAD by the rules')
    .option('--pending', 'look into the migrations that have not been applied')
    .option('--max-age <age>', 'how old the newest commit may be: 90min, 26h, 7d', parseAgeMs)
    .option('--jobs <count>', 'connections that read at once', parseCount)
    .option(
      '--lock-timeout <duration>',
      'how long to wait for a lock (default 10s)',
      parseDurationMs,
    )
    .action((files: string[], flags: CheckFlags) => check(context, files, flags))
}

async function check(context: Context, args: string[], flags: CheckFlags): Promise<void> {
  const { io, options, output } = context
  context.interruptedState = 'nothing was changed: check only reads'
  const files = args.length === 0 ? null : await readInputFiles(args, io)
  const isAboutStore = files === null || hasParts(flags)
  const result = isAboutStore
    ? await withStore(context, (store) => checkStore(context, store, { files, flags }))
    : await withStoreIfAny(context, async (store) => {
        const state = store === null ? null : await readHeadState(store)
        return { ...NOTHING, sql: await checkFiles(files, { state, signal: io.signal }) }
      })
  if (!isHealthy(result)) context.exitCode = ExitCode.different
  if (options.json) output.json<CheckJson>({ isHealthy: isHealthy(result), ...result })
  else await output.resultLines(...formatCheck(result, output.style))
}

function hasParts({ rules, pending, maxAge }: CheckFlags): boolean {
  return rules === true || pending === true || maxAge !== undefined
}

async function checkStore(
  context: Context,
  store: Store,
  { files, flags }: { files: InputFile[] | null; flags: CheckFlags },
): Promise<CheckResult> {
  const { now, signal } = context.io
  const { maxAge: maxAgeMs } = flags
  const isAll = files === null && !hasParts(flags)
  const wantsRules = flags.rules === true || isAll
  const wantsPending = flags.pending === true || isAll
  const age =
    maxAgeMs === undefined ? null : await checkAge(store, { maxAgeMs, now: now(), signal })
  // Without these two nothing is configured, and a probe must not fail over a rule that somebody mistyped.
  if (!wantsRules && !wantsPending && files === null) return { ...NOTHING, age }
  const configFile = wantsRules || wantsPending ? await readConfigFile(store, context) : null
  const sqlChecks = [
    configFile !== null && wantsPending
      ? await checkPendingOf(context, store, configFile, flags)
      : null,
    files === null ? null : await checkFiles(files, { state: await readHeadState(store), signal }),
  ]
  const rules =
    configFile !== null && wantsRules
      ? await checkRules(context, store, { rules: configFile.config.rules, live: flags })
      : null
  return { configFile: configFile?.path ?? null, age, rules, sql: joinChecks(sqlChecks) }
}

/** @throws USAGE  pending files were asked for, and nothing says which files there are */
async function checkPendingOf(
  context: Context,
  store: Store,
  { config, directory }: ConfigFile,
  flags: CheckFlags,
): Promise<SqlCheck | null> {
  const { io } = context
  if (config.migrations.length === 0) {
    if (flags.pending !== true) return null
    throw new SnapError(
      'USAGE',
      'no migration files are configured',
      { argument: '--pending' },
      { hint: `name them as "migrations": ["db/*.sql"] in snap.config.json, or as arguments` },
    )
  }
  const { workingDirectory, signal } = io
  const files = await readMatchingFiles(config.migrations, { directory, workingDirectory })
  const heads = await readMigrationHeads(await findDatabaseOf(store, context), { signal })
  return checkPending(files, { heads, state: await readHeadState(store), signal })
}

function joinChecks(checks: readonly (SqlCheck | null)[]): SqlCheck | null {
  const made = checks.filter((each) => each !== null)
  if (made.length === 0) return null
  return {
    files: made.flatMap((each) => each.files),
    findings: made.flatMap((each) => each.findings),
  }
}

/** A store tells what the tables are; files can be checked without. */
async function withStoreIfAny<T>(
  context: Context,
  work: (store: Store | null) => Promise<T>,
): Promise<T> {
  let isOpen = false
  try {
    return await withStore(context, (store) => {
      isOpen = true
      return work(store)
    })
  } catch (error) {
    const isNamed = namedStoreDirectory(context) !== undefined
    if (isOpen || isNamed || !isSnapError(error, 'STORE_NOT_FOUND')) throw error
    return work(null)
  }
}

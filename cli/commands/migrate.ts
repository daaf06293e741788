import { resolve } from 'node:path'
import { Option } from 'commander'
import {
  isSnapError,
  type Migration,
  type MigrationRun,
  type MigrationStatus,
  openMigrationRun,
  planMigrations,
  requireApplicable,
  SnapError,
  type TriedMigration,
} from '../../src/index.ts'
import { readConfigFile } from '../config-file.ts'
import type { Context } from '../context.ts'
import { findDatabaseOf } from '../database.ts'
import { ExitCode } from '../exit-codes.ts'
import {
  describeMode,
  type GuardedMigration,
  type MigrateFlags,
  type MigrationOutcome,
  migrateGuarded,
} from '../guarded-migrate/migrate-guarded.ts'
import { readMigrationDirectory } from '../guarded-migrate/read-directory.ts'
import type { RunReport } from '../guarded-run/compare-with-guard.ts'
import { withOperation } from '../operation.ts'
import { collect, parseCount, parseDurationMs } from '../options.ts'
import { formatMigrationStatus } from '../output/migrate-text.ts'
import { printable } from '../output/printable.ts'
import { formatQuantity } from '../output/units.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

export interface MigrateJson {
  files: (MigrationStatus & {
    /** Null where nothing was done with it. */
    outcome: string | null
    elapsedMs: number | null
  })[]
  /** Null where nothing was run, as are the next three. */
  operation: number | null
  guardCommitId: string | null
  report: RunReport | null
  rollbackCommand: string | null
}

export const defineMigrate: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'For projects without a migration tool: applies the .sql files of a directory that the ' +
      'database has not seen, by name, numbers as numbers. Commits first, as snap run does, and ' +
      'tells what was changed. Each file is one transaction, and is noted in a table of the ' +
      'database with its checksum: a file that is edited after it was applied, or that belongs ' +
      'before one that is applied, stops everything before anything is run. Statements that ' +
      'PostgreSQL refuses in a transaction (CREATE INDEX CONCURRENTLY, VACUUM …) run without one ' +
      "where they have a file of their own, or where it says '-- snap: no-transaction'. A second " +
      'run on the same database waits for the first.',
    examples: [
      ['snap migrate', 'what is pending in migrations/, or where snap.config.json says'],
      ['snap migrate db/sql --dry-run', 'in one transaction that is rolled back'],
      ['snap migrate --status', 'what is applied and what is not; 1 when anything is not'],
      ['snap migrate --fake --to 0041', 'the database has these already: only note them'],
      ['snap rollback', 'the state before the last migration'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.different,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.conflict,
      ExitCode.postgres,
      ExitCode.refused,
      ExitCode.backend,
    ],
    seeAlso: ['snap run', 'snap check', 'snap rollback', 'snap help config'],
  })
    .argument('[directory]', 'of the .sql files; those below it are not looked at')
    .addOption(
      new Option('--status', 'only list what is applied and what is not').conflicts([
        'dryRun',
        'fake',
      ]),
    )
    .addOption(
      new Option(
        '--dry-run',
        'run all in one transaction and roll it back; only numbers that sequences gave stay used',
      ).conflicts(['fake', 'acceptDrift']),
    )
    .option('--fake', 'note files as applied without running them, and unfinished ones as finished')
    .option('--to <file>', 'go no further than this file: its name, or a beginning of it')
    .option('--allow-out-of-order', 'apply files that belong before one that is applied')
    .option('--accept-drift', 'take the files as they are now for what was applied')
    .option('-m, --message <text>', 'of the commit; given again, the next paragraph', collect)
    .option('--no-report', 'do not look at what has changed')
    .option('--jobs <count>', 'connections that read at once', parseCount)
    .option(
      '--lock-timeout <duration>',
      'how long to wait for a lock, and for another run (default: for ever)',
      parseDurationMs,
    )
    .addHelpText('after', CONFIG_HELP)
    .action((directory: string | undefined, flags: MigrateFlags) =>
      migrate(context, directory, flags),
    )
}

const CONFIG_HELP = `
In snap.config.json, beside .snap/:
  {
    "migrate": { "directory": "migrations", "schema": "public", "table": "snap_migrations" }
  }`

async function migrate(
  context: Context,
  argument: string | undefined,
  flags: MigrateFlags,
): Promise<void> {
  const { io, output } = context
  await withStore(context, async (store) => {
    const database = await findDatabaseOf(store, context)
    const { config, directory: base } = await readConfigFile(store, context)
    const { directory, schema, table } = config.migrate
    const path =
      argument === undefined ? resolve(base, directory) : resolve(io.workingDirectory, argument)
    const migrations = await readMigrationDirectory(path, io.workingDirectory)
    context.interruptedState = 'nothing was run'
    const run = await openMigrationRun(database, {
      history: { schema, table },
      lockTimeoutMs: flags.lockTimeout,
      reporter: context.reporter,
      signal: io.signal,
    })
    try {
      if (!flags.status) await run.lock()
      output.progress.clear()
      const plan = planMigrations(migrations, await run.readHistory(), { upTo: flags.to })
      if (flags.status) return printStatus(context, plan.statuses)
      requireApplicable(plan, {
        drift: flags.acceptDrift === true,
        unfinished: flags.fake === true,
        outOfOrder: flags.allowOutOfOrder === true,
      })
      if (flags.dryRun) {
        return printTried(context, plan.statuses, await tryOut(run, plan.pending))
      }
      const isUpToDate =
        plan.pending.length === 0 &&
        !(flags.fake && plan.unfinished.length > 0) &&
        !(flags.acceptDrift && plan.drift.length > 0)
      if (isUpToDate) {
        const appliedCount = plan.statuses.filter(({ state }) => state === 'applied').length
        const applied = formatQuantity(appliedCount, 'migration')
        if (context.options.json) printJson(context, plan.statuses, null, new Map())
        else output.result(`Nothing to migrate: ${applied} applied`)
        return
      }
      const rules = config.rules
      const work: GuardedMigration = { context, store, database, rules, flags, run, plan }
      await withOperation(context, store, { command: 'migrate', database }, async (operation) => {
        const outcome = await migrateGuarded(work, operation)
        printOutcome(work, outcome, operation.number)
      })
    } finally {
      await run.close()
    }
  })
}

/** The server's code for a new value of an enum that is used in the transaction that added it. */
const UNSAFE_NEW_ENUM_VALUE = '55P04'

async function tryOut(run: MigrationRun, pending: readonly Migration[]): Promise<TriedMigration[]> {
  try {
    return await run.tryOut(pending)
  } catch (error) {
    if (!isSnapError(error, 'MIGRATION_FAILED')) throw error
    const hint =
      error.data.sqlState === UNSAFE_NEW_ENUM_VALUE
        ? 'nothing was changed; it may well work where the file that adds the value has a transaction of its own, as in a real run'
        : 'nothing was changed'
    throw new SnapError('MIGRATION_FAILED', error.message, error.data, { cause: error.cause, hint })
  }
}

function printStatus(context: Context, statuses: readonly MigrationStatus[]): void {
  const { options, output } = context
  if (statuses.some(({ state }) => state !== 'applied')) context.exitCode = ExitCode.different
  if (options.json) printJson(context, statuses, null, new Map())
  else output.result(...formatMigrationStatus(statuses, output.style))
}

function printTried(
  context: Context,
  statuses: readonly MigrationStatus[],
  tried: readonly TriedMigration[],
): void {
  const { options, output } = context
  if (options.json) {
    const outcomes = new Map(tried.map(({ migration, outcome }) => [migration.name, outcome]))
    printJson(context, statuses, null, outcomes)
    return
  }
  const lines = tried.map(({ migration, outcome }) =>
    outcome === 'tried'
      ? `Would apply ${printable(migration.name)}: it ran, and was rolled back`
      : `Would apply ${printable(migration.name)}${describeMode(migration)}: it could not be tried`,
  )
  output.result(...(lines.length === 0 ? ['Nothing to migrate'] : lines))
}

function printOutcome(
  { context, flags, plan }: GuardedMigration,
  outcome: MigrationOutcome,
  number: number,
): void {
  const { options, output } = context
  const { elapsedMs, rollbackCommand } = outcome
  const verb = flags.fake ? 'faked' : 'applied'
  if (options.json) {
    const outcomes = new Map([...elapsedMs.keys()].map((name) => [name, verb]))
    printJson(context, plan.statuses, { ...outcome, operation: number }, outcomes)
    return
  }
  const count = formatQuantity(elapsedMs.size, 'migration')
  output.result(flags.fake ? `${count} noted as applied, not run` : `${count} applied`)
  if (rollbackCommand !== null) output.note(`To return to the state before: ${rollbackCommand}`)
}

function printJson(
  { output }: Context,
  statuses: readonly MigrationStatus[],
  outcome: (MigrationOutcome & { operation: number }) | null,
  outcomes: ReadonlyMap<string, string>,
): void {
  output.json<MigrateJson>({
    files: statuses.map((status) => ({
      ...status,
      outcome: outcomes.get(status.name) ?? null,
      elapsedMs: outcome?.elapsedMs.get(status.name) ?? null,
    })),
    operation: outcome?.operation ?? null,
    guardCommitId: outcome?.guardCommitId ?? null,
    report: outcome?.report ?? null,
    rollbackCommand: outcome?.rollbackCommand ?? null,
  })
}

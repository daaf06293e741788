import { type Command, Option } from 'commander'
import {
  applyCheckout,
  type CheckoutOptions,
  type CheckoutPlan,
  type CheckoutResult,
  type CheckoutSummary,
  type DatabaseAddress,
  formatCheckoutSql,
  type OperationOutcome,
  SnapError,
  type Store,
  shortId,
} from '../src/index.ts'
import { findAuthor } from './author.ts'
import { requireConfirmation } from './confirm.ts'
import type { Context } from './context.ts'
import { ExitCode } from './exit-codes.ts'
import { DRY_RUN_HINT, giveHint } from './hint.ts'
import { withOperation } from './operation.ts'
import { collect, parseCount, parseDurationMs } from './options.ts'
import { formatCheckoutResult } from './output/checkout-text.ts'
import { describePart } from './output/part-text.ts'
import { formatPlan } from './output/plan-text.ts'
import { printable } from './output/printable.ts'
import {
  addNamingOption,
  type Guard,
  type NamingFlags,
  openGuard,
  requireDatabaseName,
} from './protection.ts'
import { findSources } from './sources.ts'

/** What `checkout` and `undo` share: their options, and the way from plan through question to result. */

export interface CheckoutFlags extends NamingFlags {
  safety: boolean
  owner: boolean
  privileges: boolean
  force?: true
  yes?: true
  dryRun?: true
  sql?: true
  prove: 'counts' | 'full'
  jobs?: number
  lockTimeout?: number
  terminate?: true
  table?: string[]
  schemaOnly?: true
  dataOnly?: true
  withDependencies?: true
  sources: boolean
}

/** How every command ends that may change a database. */
export const CHECKOUT_EXIT_CODES: readonly ExitCode[] = [
  ExitCode.done,
  ExitCode.usage,
  ExitCode.noStore,
  ExitCode.damaged,
  ExitCode.conflict,
  ExitCode.postgres,
  ExitCode.refused,
  ExitCode.backend,
  ExitCode.restore,
  ExitCode.source,
]

/** What `--json` prints of a checkout, an undo or a rollback. */
export interface CheckoutDocument {
  plan: CheckoutSummary
  /** Null for a dry run. */
  result: CheckoutResult | null
  /** With --sql: the statements. */
  sql: string | null
}

export function addCheckoutOptions(command: Command): Command {
  return addNamingOption(command)
    .option('--dry-run', 'show what would be done and lost, and do nothing')
    .option('--sql', 'with --dry-run: print the statements instead')
    .option('-y, --yes', 'do not ask, unless the database is protected')
    .option('--no-safety', 'do not commit the state before first: it is then lost')
    .option('--force', 'even if it is not the database that was committed')
    .option('--no-sources', 'leave other datastores as they are')
    .option('--no-owner', 'leave owners as whoever restores')
    .option('--no-privileges', 'leave out grants')
    .addOption(
      new Option('--prove <how>', 'full: read every restored row back before it becomes final')
        .choices(['counts', 'full'])
        .default('counts'),
    )
    .option('--jobs <count>', 'connections that work at once', parseCount)
    .option(
      '--lock-timeout <duration>',
      'how long to wait for a lock (default 10s)',
      parseDurationMs,
    )
    .option('--terminate', 'end sessions that are in the way of its locks, after naming them')
}

/** Options for a part of a commit. */
export function addPartOptions(command: Command): Command {
  return command
    .option(
      '-t, --table <pattern>',
      'only tables, views and sequences that match, as for pg_dump (repeatable)',
      collect,
    )
    .option(
      '--with-dependencies',
      'with --table: also the types, functions, tables … that it needs',
    )
    .addOption(
      new Option(
        '--schema-only',
        'only definitions: rows stay, new columns get their defaults',
      ).conflicts('dataOnly'),
    )
    .addOption(
      new Option('--data-only', 'only rows, sequence positions and large objects').conflicts([
        'into',
        'withDependencies',
      ]),
    )
}

export interface CheckoutTarget {
  /** As the log calls it. */
  command: string
  store: Store
  database: DatabaseAddress
  /** A new database to load the commit into, instead of changing that one. */
  into?: DatabaseAddress | undefined
  plan(store: Store, settings: CheckoutOptions): Promise<CheckoutPlan>
}

/** Plans, shows the plan, asks where something would be lost, applies, and reports. */
export async function performCheckout(
  context: Context,
  flags: CheckoutFlags,
  target: CheckoutTarget,
): Promise<void> {
  if (flags.sql && !flags.dryRun) {
    throw new SnapError(
      'USAGE',
      '--sql only prints what would be done',
      { argument: '--sql' },
      { hint: 'give --dry-run with it' },
    )
  }
  if (flags.withDependencies && flags.table === undefined) throw needsTable()
  if (flags.dryRun) {
    const settings = await settingsOf(context, flags, target)
    return dryRun(context, flags, target.store, await target.plan(target.store, settings))
  }
  const done = await carryOut(context, flags, target, (plan, guard) =>
    confirmLosses(context, plan, flags, guard),
  )
  report(context, flags, done)
}

export interface FinishedCheckout {
  plan: CheckoutPlan
  result: CheckoutResult
}

/**
 * Does a checkout as an operation of the log, however its plan is shown and its question asked.
 *
 * @param confirm  returns when the plan may be carried out, and throws when it may not
 */
export async function carryOut(
  context: Context,
  flags: CheckoutFlags,
  target: CheckoutTarget,
  confirm: (plan: CheckoutPlan, guard: Guard | undefined) => Promise<void>,
): Promise<FinishedCheckout> {
  const { command, database, store } = target
  // A new database overwrites nothing.
  const guard =
    target.into === undefined ? await openGuard(context, store, database, flags) : undefined
  const settings = await settingsOf(context, flags, target)
  return withOperation(context, store, { command, database }, async (operation) => {
    const plan = await target.plan(store, settings)
    await confirm(plan, guard)
    context.interruptedState =
      plan.kind === 'into'
        ? 'the new database was removed again; HEAD and the committed database were not touched'
        : 'the database is as it was: nothing is changed before the transaction commits'
    const result = await applyCheckout(store, plan, { ...settings, onKept: operation.keep })
    Object.assign(operation.outcome, outcomeOf(plan, result))
    return { plan, result }
  })
}

async function dryRun(
  context: Context,
  flags: CheckoutFlags,
  store: Store,
  plan: CheckoutPlan,
): Promise<void> {
  const { options, output } = context
  const sql = flags.sql ? formatCheckoutSql(plan, sqlOptions(flags)) : null
  if (options.json) {
    output.json<CheckoutDocument>({
      plan: planAsJson(plan),
      result: null,
      sql: sql?.join('\n') ?? null,
    })
  } else if (sql !== null) output.result(...sql)
  else {
    output.result(...planLines(context, plan, flags))
    if (!plan.isNoOp) await giveHint(context, store, DRY_RUN_HINT)
  }
}

function report(
  { options, output }: Context,
  flags: CheckoutFlags,
  { plan, result }: FinishedCheckout,
): void {
  if (options.json) {
    output.json<CheckoutDocument>({ plan: planAsJson(plan), result, sql: null })
  } else {
    const { colors } = output
    const withRowProof = flags.prove === 'full'
    output.result(...formatCheckoutResult(plan, result, { colors, withRowProof }))
  }
}

/** What the log says of a checkout that is done. A new database is nothing to roll back. */
export function outcomeOf(
  plan: CheckoutPlan,
  { commitId, proof, restored, sources }: CheckoutResult,
): Pick<OperationOutcome, 'databaseChange' | 'changes' | 'commitAfter'> {
  if (plan.kind === 'into') return { databaseChange: 'none', changes: null, commitAfter: null }
  const isChanged = proof !== null || sources.some(({ state }) => state === 'restored')
  return {
    databaseChange: isChanged ? 'changed' : 'none',
    commitAfter: commitId,
    changes: {
      tableCount: restored.tableCount,
      insertedRowCount: restored.rowCount,
      deletedRowCount: restored.deletedRowCount,
      updatedRowCount: 0,
      schemaEntryCount: restored.schemaEntryCount,
    },
  }
}

function needsTable(): SnapError {
  return new SnapError(
    'USAGE',
    'cannot tell what dependencies are of: --with-dependencies wants --table',
    { argument: '--with-dependencies' },
    { hint: 'name the tables with --table, or leave out --with-dependencies' },
  )
}

async function settingsOf(
  context: Context,
  flags: CheckoutFlags,
  { store, database, into }: CheckoutTarget,
): Promise<CheckoutOptions> {
  const { io, reporter } = context
  return {
    database,
    into,
    author: await findAuthor(io),
    sources: flags.sources ? await findSources(store, context) : undefined,
    isForced: flags.force === true,
    isDryRun: flags.dryRun === true,
    withSafetyCommit: flags.safety,
    withOwners: flags.owner,
    withPrivileges: flags.privileges,
    withRowProof: flags.prove === 'full',
    jobs: flags.jobs,
    lockTimeoutMs: flags.lockTimeout,
    terminatesBlockers: flags.terminate === true,
    tables: flags.table,
    aspect: flags.schemaOnly ? 'schema' : flags.dataOnly ? 'data' : undefined,
    withDependencies: flags.withDependencies === true,
    workingDirectory: io.workingDirectory,
    reporter,
    signal: io.signal,
    now: io.now,
  }
}

async function confirmLosses(
  context: Context,
  plan: CheckoutPlan,
  flags: CheckoutFlags,
  guard: Guard | undefined,
): Promise<void> {
  const { options, output } = context
  const needed = confirmationFor(plan, guard)
  const saysYes = flags.yes === true || guard?.isNamed === true
  const mustAsk = needed === 'databaseName' || (needed === 'yes' && !saysYes)
  if (options.json !== true) {
    const lines = planLines(context, plan, flags)
    // What a question is about must be seen, however quiet the rest is.
    if (mustAsk) output.insist(...lines)
    else output.note(...lines)
  }
  if (!mustAsk) return
  const question = questionFor(plan)
  if (needed === 'databaseName' && guard !== undefined) {
    await requireDatabaseName(context, guard, question.purpose)
  } else {
    await requireConfirmation(context, question.text)
  }
}

/** What has to be said before the plan is carried out; the name for a protected database that would change. */
export function confirmationFor(
  plan: CheckoutPlan,
  guard: Guard | undefined,
): 'none' | 'yes' | 'databaseName' {
  const replacesSources = plan.sources.changes.length > 0
  const changesNothing = plan.isNoOp && !replacesSources
  if ((guard?.reasons.length ?? 0) > 0 && !changesNothing) return 'databaseName'
  return (plan.outline?.losses.length ?? 0) > 0 || replacesSources ? 'yes' : 'none'
}

/** The question about a plan; `purpose` completes "type the name of the database to". */
export function questionFor(plan: CheckoutPlan): { text: string; purpose: string } {
  const deed = `equal to ${shortId(plan.commitId)}`
  const databaseName = printable(plan.database.name)
  const others = plan.sources.changes.map(({ name }) => ` and ${printable(name)}`).join('')
  const text =
    plan.part === null
      ? `Make database '${databaseName}'${others} ${deed}?`
      : `Restore ${describePart(plan.part)} of database '${databaseName}' from ${shortId(plan.commitId)}?`
  return { text, purpose: `make it ${deed}` }
}

function planLines({ output }: Context, plan: CheckoutPlan, flags: CheckoutFlags): string[] {
  const style = flags.dryRun ? output.style : output.messageStyle
  return formatPlan(plan, { style, withSafety: flags.safety })
}

const sqlOptions = ({ owner, privileges }: CheckoutFlags) => ({
  withOwners: owner,
  withPrivileges: privileges,
})

/** The plan without what the commit holds, which `show --json` prints. */
function planAsJson({
  tree: _tree,
  schemaEntries: _entries,
  catalogFacts: _facts,
  inPlace: _inPlace,
  requested: _requested,
  ...plan
}: CheckoutPlan): CheckoutSummary {
  return plan
}

/**
 * `snap migrate`: commit, apply what is pending, tell what it changed.
 */
import {
  type DatabaseAddress,
  isSnapError,
  type Migration,
  type MigrationPlan,
  type MigrationRun,
  type Rules,
  SnapError,
  type Store,
  shortId,
} from '../../src/index.ts'
import { findAuthor } from '../author.ts'
import type { Context } from '../context.ts'
import { explainFailure } from '../explain-failure.ts'
import {
  compareWithGuard,
  countChanges,
  type RunReport,
} from '../guarded-run/compare-with-guard.ts'
import { type GuardCommit, releaseGuardCommit } from '../guarded-run/guard-commit.ts'
import { commitBefore, describeGuard } from '../guarded-run/run-guarded.ts'
import type { LoggedOperation } from '../operation.ts'
import { formatError } from '../output/error-text.ts'
import { printable } from '../output/printable.ts'
import { formatRunReport } from '../output/run-text.ts'
import { formatDuration, formatQuantity } from '../output/units.ts'
import { formatRollbackCommand } from '../rollback-command.ts'
import { findSources } from '../sources.ts'

export interface MigrateFlags {
  message?: string[]
  status?: true
  dryRun?: true
  fake?: true
  acceptDrift?: true
  allowOutOfOrder?: true
  to?: string
  report: boolean
  jobs?: number
  lockTimeout?: number
}

export interface GuardedMigration {
  context: Context
  store: Store
  database: DatabaseAddress
  rules: Rules
  flags: MigrateFlags
  run: MigrationRun
  plan: MigrationPlan
}

export interface MigrationOutcome {
  guardCommitId: string
  report: RunReport | null
  /** By the name of the file. */
  elapsedMs: Map<string, number>
  rollbackCommand: string | null
}

/**
 * Commits, and does what the plan says.
 *
 * @throws MIGRATION_FAILED  with the rollback command as its hint, where anything is left to roll back
 */
export async function migrateGuarded(
  work: GuardedMigration,
  operation: LoggedOperation,
): Promise<MigrationOutcome> {
  const { context, store, database, flags } = work
  const { io, output } = context
  const author = await findAuthor(io)
  const command = ['snap', ...context.arguments] as const
  const guard = await commitBefore({ context, store, database, flags, command }, operation, {
    author,
    isPinned: true,
  })
  const release = () => releaseGuardCommit(store, guard, { author, at: io.now() })
  output.note(describeGuard(context, operation, guard))
  context.interruptedState = 'nothing was changed: the migration that ran was rolled back'
  const elapsedMs = new Map<string, number>()
  const rollbackCommand = formatRollbackCommand(context, operation.number)
  try {
    await applyPlan(work, elapsedMs, () => {
      operation.outcome.databaseChange = 'changed'
      context.interruptedState = `what is told above is applied; to return to the state before: ${rollbackCommand}`
    })
  } catch (error) {
    const left = isSnapError(error, 'MIGRATION_FAILED') ? error.data.outcome : 'rolledBack'
    if (left === 'inDoubt') operation.outcome.databaseChange = 'unknown'
    if (left === 'unfinished') operation.outcome.databaseChange = 'changed'
    if (operation.outcome.databaseChange === 'none') await release().catch(() => {})
    throw withWayBack(error, {
      isChanged: operation.outcome.databaseChange !== 'none',
      appliedCount: elapsedMs.size,
      rollbackCommand,
    })
  }
  const report = flags.report ? await reportOn(work, guard, operation) : null
  const isUnchanged = report?.isChanged === false
  if (isUnchanged) await release().catch(() => {})
  return {
    guardCommitId: guard.commitId,
    report,
    elapsedMs,
    rollbackCommand: isUnchanged ? null : rollbackCommand,
  }
}

async function applyPlan(
  { context, flags, run, plan }: GuardedMigration,
  elapsedMs: Map<string, number>,
  onChanged: () => void,
): Promise<void> {
  const { output } = context
  if (flags.acceptDrift && plan.drift.length > 0) {
    await run.accept(plan.drift)
    onChanged()
  }
  if (flags.fake) {
    const faked = [...plan.unfinished, ...plan.pending]
    await run.fake(faked)
    for (const { name } of faked) elapsedMs.set(name, 0)
    if (faked.length > 0) onChanged()
    return
  }
  for (const migration of plan.pending) {
    const startedAtMs = performance.now()
    await run.apply(migration)
    onChanged()
    const tookMs = performance.now() - startedAtMs
    elapsedMs.set(migration.name, tookMs)
    output.note(
      `Applied ${printable(migration.name)}${describeMode(migration)}, ${formatDuration(tookMs)}`,
    )
  }
}

/** ` outside a transaction`, where that is so. */
export function describeMode({ isTransactional }: Pick<Migration, 'isTransactional'>): string {
  return isTransactional ? '' : ' outside a transaction'
}

/** What was applied stays applied, whatever becomes of the report. */
async function reportOn(
  { context, store, database, rules, flags }: GuardedMigration,
  guard: GuardCommit,
  operation: LoggedOperation,
): Promise<RunReport | null> {
  const { io, output, options } = context
  try {
    const report = await compareWithGuard(store, guard, {
      database,
      sources: await findSources(store, context),
      rules,
      conditions: [],
      jobs: flags.jobs,
      lockTimeoutMs: flags.lockTimeout,
      reporter: context.reporter,
      signal: io.signal,
    })
    output.progress.clear()
    operation.outcome.changes = countChanges(report.diff)
    if (!options.json) {
      const lines = formatRunReport(report, {
        style: output.messageStyle,
        where: `database ${printable(database.databaseName)}`,
        guard: shortId(guard.commitId),
      })
      if (report.alarms.some(({ severity }) => severity === 'alarm')) output.insist(...lines)
      else output.note(...lines)
    }
    return report
  } catch (failure) {
    const lines = formatError(explainFailure(failure, context))
    output.note('What the migrations have changed could not be told:', ...lines)
    return null
  }
}

function withWayBack(
  error: unknown,
  way: { isChanged: boolean; appliedCount: number; rollbackCommand: string },
): unknown {
  if (!isSnapError(error, 'MIGRATION_FAILED')) return error
  const { outcome } = error.data
  const { appliedCount, rollbackCommand } = way
  const before =
    appliedCount === 0 ? '' : `; ${formatQuantity(appliedCount, 'file')} before it applied`
  const hint = way.isChanged
    ? `${STATE_OF_FILE[outcome]}${before}; to return to the state before: ${rollbackCommand}`
    : 'its transaction was rolled back; nothing was changed'
  return new SnapError('MIGRATION_FAILED', error.message, error.data, { cause: error.cause, hint })
}

const STATE_OF_FILE = {
  rolledBack: 'its transaction was rolled back',
  unfinished: 'what ran of it stays, for it has no transaction',
  inDoubt: "the connection was lost at COMMIT: 'snap migrate --status' tells whether it is applied",
} as const

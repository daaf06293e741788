/**
 * `snap run`: commit, run, look, and take back what was wished to be taken back.
 *
 * Until the command has been started, whatever fails ends the run with an error
 * of its own. From then on the command's exit code is the run's, and nothing
 * that fails may hide it: it is told, and the way back is shown.
 */
import {
  applyCheckout,
  type DatabaseAddress,
  findConditionProblems,
  isSnapError,
  measureTables,
  type ObjectId,
  planReturn,
  type Reporter,
  type Rules,
  redactArguments,
  SnapError,
  type Store,
  shortId,
} from '../../src/index.ts'
import { type Author, findAuthor } from '../author.ts'
import { askYesOrNo } from '../confirm.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { explainFailure } from '../explain-failure.ts'
import { type LoggedOperation, OPERATION_VARIABLE } from '../operation.ts'
import { exitCodeOf, formatError } from '../output/error-text.ts'
import { printable } from '../output/printable.ts'
import {
  describeRollbackReason,
  formatCommand,
  formatEnding,
  formatRunReport,
} from '../output/run-text.ts'
import { formatDuration } from '../output/units.ts'
import { formatRollbackCommand } from '../rollback-command.ts'
import { findSources } from '../sources.ts'
import { compareWithGuard, countChanges, type RunReport } from './compare-with-guard.ts'
import { decideRollback, type RollbackReason } from './decide-rollback.ts'
import { exitCodeOfChild } from './exit-code-of-child.ts'
import { commandNotStarted } from './find-command.ts'
import { type GuardCommit, makeGuardCommit, releaseGuardCommit } from './guard-commit.ts'
import type { RunFlags, Wishes } from './run-flags.ts'

export const GUARD_COMMIT_VARIABLE = 'SNAP_GUARD_COMMIT'

/** A command, without a shell. */
export type CommandLine = readonly [string, ...string[]]

/** Everything one run works with. */
export interface GuardedRun {
  context: Context
  store: Store
  database: DatabaseAddress
  rules: Rules
  flags: RunFlags
  wishes: Wishes
  command: CommandLine
}

/** What `--json` prints of a run; errors by code. */
export interface RunSummaryJson {
  operation: number
  guardCommitId: ObjectId
  commandExitCode: number
  elapsedMs: number
  /** Null where nobody looked at what has changed, or that failed. */
  report: RunReport | null
  reportError: string | null
  rollbackReason: RollbackReason['kind'] | null
  rolledBackTo: string | null
  takenBackId: string | null
  rollbackError: string | null
  /** What returns to the state before; null where nothing has changed, or it was done. */
  rollbackCommand: string | null
  /** Of snap itself. */
  exitCode: number
}

/** What came of a run. */
interface RunSummary {
  exitCode: number
  elapsedMs: number
  report: RunReport | undefined
  reportError: unknown
  reason: RollbackReason | undefined
  rolledBackTo: string | null
  takenBackId: string | null
  rollbackError: unknown
}

export async function runGuarded(run: GuardedRun, operation: LoggedOperation): Promise<void> {
  const { context, store, command } = run
  const { io, output } = context
  const author = await findAuthor(io)
  const guard = await commitBefore(run, operation, { author, isPinned: true })
  const release = () => releaseGuardCommit(store, guard, { author, at: io.now() })
  try {
    requireTellable(run, guard)
  } catch (error) {
    await release()
    throw error
  }
  output.note(
    `${describeGuard(context, operation, guard)}; running: ${formatCommand(redactArguments(command))}`,
  )
  const startedAtMs = performance.now()
  const outcome = await io.runChild(command, {
    workingDirectory: io.workingDirectory,
    environment: {
      ...io.environment,
      [GUARD_COMMIT_VARIABLE]: guard.commitId,
      [OPERATION_VARIABLE]: `${store.file.storeId}:${operation.number}`,
    },
  })
  if (outcome.kind === 'notStarted') {
    await release()
    throw commandNotStarted(command[0], outcome.code)
  }
  const elapsedMs = performance.now() - startedAtMs
  const exitCode = exitCodeOfChild(outcome)
  Object.assign(operation.outcome, {
    exitCode,
    outcome: exitCode === 0 ? 'done' : 'failed',
    databaseChange: 'unknown',
  })
  say(context, exitCode !== 0, formatEnding(redactArguments(command), outcome, elapsedMs))
  const summary = await conclude(run, { guard, operation, author, exitCode, elapsedMs })
  if (summary.report?.isChanged === false) await quietly(release)
  context.exitCode = exitCodeOfRun(run.wishes, summary)
  if (context.options.json) printSummary(context, operation, guard, summary)
}

/**
 * Commits the state before, and notes in the operation that it can be rolled back to.
 *
 * @param isPinned  false for what is made as a matter of routine
 */
export async function commitBefore(
  { context, store, database, flags, command }: Omit<GuardedRun, 'rules' | 'wishes'>,
  operation: LoggedOperation,
  { author, isPinned }: { author: Author; isPinned: boolean },
): Promise<GuardCommit> {
  const { io, output } = context
  context.interruptedState = 'the command was not run'
  const message =
    flags.message?.join('\n\n') ?? `before: ${formatCommand(redactArguments(command))}`
  const guard = await makeGuardCommit(store, {
    database,
    message,
    author,
    isPinned,
    sources: await findSources(store, context),
    jobs: flags.jobs,
    lockTimeoutMs: flags.lockTimeout,
    workingDirectory: io.workingDirectory,
    reporter: reporterOf(context),
    signal: io.signal,
    now: io.now,
  })
  output.progress.clear()
  const { commitId, refName } = guard
  await operation.keep({ commitId, head: { targetRef: refName, id: commitId } })
  return guard
}

/** `Guard commit 9a5c027f22fb (operation 17, 0.62 s)`. */
export function describeGuard(
  { output }: Context,
  { number }: LoggedOperation,
  { commitId, totals }: GuardCommit,
): string {
  const id = output.messageColors.yellow(shortId(commitId))
  return `Guard commit ${id} (operation ${number}, ${formatDuration(totals.elapsedMs)})`
}

/** A misspelt table would let everything pass; so conditions are tried on the state before. */
function requireTellable({ wishes }: GuardedRun, { state }: GuardCommit): void {
  const tables = measureTables(state, state, { tables: [] })
  for (const [position, condition] of wishes.parsedConditions.entries()) {
    const [problem] = findConditionProblems(condition, tables)
    if (problem === undefined) continue
    throw new SnapError(
      'USAGE',
      `--rollback-if '${wishes.conditions[position]}' cannot be told: ${problem}`,
      { argument: '--rollback-if' },
      { hint: 'the command was not run; a condition names tables that are there before it' },
    )
  }
}

interface Ending {
  guard: GuardCommit
  operation: LoggedOperation
  author: Author
  exitCode: number
  elapsedMs: number
}

/** Reports, decides, and rolls back; never throws. */
async function conclude(run: GuardedRun, ending: Ending): Promise<RunSummary> {
  const { context, wishes, flags } = run
  const { exitCode, operation, elapsedMs } = ending
  const summary: RunSummary = {
    exitCode,
    elapsedMs,
    report: undefined,
    reportError: undefined,
    reason: undefined,
    rolledBackTo: null,
    takenBackId: null,
    rollbackError: undefined,
  }
  if (flags.report) await makeReport(run, ending, summary)
  const { report } = summary
  summary.reason = decideRollback(wishes, { hasFailed: exitCode !== 0, report })
  if (summary.reason === undefined && flags.ask && report?.isChanged) {
    summary.reason = await ask(context, run.database)
  }
  if (summary.reason !== undefined) {
    if (report?.isChanged === false) {
      say(context, true, `Nothing to roll back, though ${describeRollbackReason(summary.reason)}`)
    } else {
      await rollBack(run, ending, summary)
    }
  }
  const isOpen = summary.rolledBackTo === null && report?.isChanged !== false
  if (isOpen) {
    const isUrgent = exitCode !== 0 || summary.reason !== undefined || hasAlarm(report)
    const rollback = formatRollbackCommand(context, operation.number)
    say(context, isUrgent, `To return to the state before: ${rollback}`)
  }
  return summary
}

async function makeReport(run: GuardedRun, ending: Ending, summary: RunSummary): Promise<void> {
  const { context, store, database, rules, wishes, flags } = run
  const { guard, operation, exitCode } = ending
  const { io, output } = context
  try {
    const report = await compareWithGuard(store, guard, {
      database,
      sources: await findSources(store, context),
      rules,
      conditions: wishes.parsedConditions,
      jobs: flags.jobs,
      lockTimeoutMs: flags.lockTimeout,
      reporter: reporterOf(context),
      signal: io.signal,
    })
    output.progress.clear()
    summary.report = report
    Object.assign(operation.outcome, {
      databaseChange: report.isChanged ? 'changed' : 'none',
      changes: countChanges(report.diff),
      commitAfter: report.isChanged ? null : guard.commitId,
    })
    const lines = formatRunReport(report, {
      style: output.messageStyle,
      where: `database ${printable(database.databaseName)}`,
      guard: shortId(guard.commitId),
    })
    // What a question is about must be seen, however quiet the rest is.
    say(context, exitCode !== 0 || hasAlarm(report) || flags.ask === true, ...lines)
  } catch (failure) {
    summary.reportError = explainFailure(failure, context)
    sayError(context, 'What the command has changed could not be told:', summary.reportError)
  }
}

/** No answer is no reason to roll back. */
async function ask(
  context: Context,
  database: DatabaseAddress,
): Promise<RollbackReason | undefined> {
  const question = `Roll database '${printable(database.databaseName)}' back to the state before?`
  try {
    return (await askYesOrNo(context, question)) ? { kind: 'asked' } : undefined
  } catch (error) {
    if (isSnapError(error, 'ABORTED')) return undefined
    throw error
  }
}

async function rollBack(run: GuardedRun, ending: Ending, summary: RunSummary): Promise<void> {
  const { context, store, database, flags } = run
  const { guard, operation, author } = ending
  const { io, output } = context
  const because = describeRollbackReason(summary.reason!)
  say(context, true, `Rolling back, because ${because}`)
  context.interruptedState = 'the rollback was not done; the database is as the command left it'
  try {
    const options = {
      database,
      author,
      sources: await findSources(store, context),
      jobs: flags.jobs,
      lockTimeoutMs: flags.lockTimeout,
      workingDirectory: io.workingDirectory,
      reporter: reporterOf(context),
      signal: io.signal,
      now: io.now,
    }
    const plan = await planReturn(store, {
      ...options,
      kept: {
        commitId: guard.commitId,
        head: { targetRef: guard.refName, id: guard.commitId },
      },
      revision: `the state before operation ${operation.number}`,
    })
    const result = await applyCheckout(store, plan, options)
    output.progress.clear()
    summary.rolledBackTo = guard.commitId
    summary.takenBackId = result.safetyCommitId
    Object.assign(operation.outcome, {
      outcome: 'rolledBack',
      databaseChange: 'none',
      commitAfter: guard.commitId,
      takenBackId: result.safetyCommitId,
    })
    const { green, yellow } = output.messageColors
    say(
      context,
      true,
      `${green('Rolled back')} in ${formatDuration(result.elapsedMs)}: ` +
        `database ${printable(database.databaseName)} is as it was, proven equal to ${yellow(shortId(guard.commitId))}`,
      ...(result.safetyCommitId === null
        ? []
        : [
            `What was taken back is kept in ${yellow(shortId(result.safetyCommitId))}; to return to it: snap undo`,
          ]),
    )
  } catch (failure) {
    summary.rollbackError = explainFailure(failure, context)
    if (isSnapError(failure, 'RESTORE_IN_DOUBT')) operation.outcome.databaseChange = 'unknown'
    sayError(context, 'It could not be rolled back:', summary.rollbackError)
  }
}

/** The command's own code wins; a run that was taken back, or could not be looked at as wished, is no success. */
function exitCodeOfRun(wishes: Wishes, summary: RunSummary): number {
  const { exitCode, reason, rollbackError, reportError } = summary
  if (exitCode !== 0) return exitCode
  if (rollbackError !== undefined) return exitCodeOf(rollbackError)
  if (reason !== undefined) return ExitCode.different
  const isUnchecked = reportError !== undefined && (wishes.conditions.length > 0 || wishes.onAlarm)
  return isUnchecked ? exitCodeOf(reportError) : ExitCode.done
}

/** On stderr: stdout is the command's. */
function printSummary(
  context: Context,
  { number }: LoggedOperation,
  guard: GuardCommit,
  summary: RunSummary,
): void {
  const { report, reason, rolledBackTo, takenBackId } = summary
  const codeOf = (error: unknown) =>
    error === undefined ? null : isSnapError(error) ? error.code : 'BUG'
  const line: RunSummaryJson = {
    operation: number,
    guardCommitId: guard.commitId,
    commandExitCode: summary.exitCode,
    elapsedMs: summary.elapsedMs,
    report: report ?? null,
    reportError: codeOf(summary.reportError),
    rollbackReason: reason?.kind ?? null,
    rolledBackTo,
    takenBackId,
    rollbackError: codeOf(summary.rollbackError),
    rollbackCommand:
      rolledBackTo === null && report?.isChanged !== false
        ? formatRollbackCommand(context, number)
        : null,
    exitCode: context.exitCode,
  }
  context.output.insist(JSON.stringify(line))
}

/** Phases told line by line would be lost among the command's own output, and drown it. */
function reporterOf({ io, reporter }: Context): Reporter {
  if (io.stderr.isTTY === true) return reporter
  return (event) => {
    if (event.kind === 'lockWaiting' || event.kind === 'warning') reporter(event)
  }
}

/** @param isUrgent  said even under --quiet */
function say({ output, options }: Context, isUrgent: boolean, ...lines: string[]): void {
  if (options.json) return
  if (isUrgent) output.insist(...lines)
  else output.note(...lines)
}

function sayError(context: Context, title: string, error: unknown): void {
  say(context, true, title, ...formatError(error))
}

function hasAlarm(report: RunReport | undefined): boolean {
  return report?.alarms.some(({ severity }) => severity === 'alarm') === true
}

/** A pin too many costs space and nothing else. */
async function quietly(work: () => Promise<void>): Promise<void> {
  await work().catch(() => {})
}

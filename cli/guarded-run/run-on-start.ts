import {
  type Commit,
  type ObjectId,
  readHead,
  redactArguments,
  SnapError,
  type Store,
  shortId,
} from '../../src/index.ts'
import { findAuthor } from '../author.ts'
import { withOperation } from '../operation.ts'
import { formatCommand } from '../output/run-text.ts'
import { formatTime } from '../output/times.ts'
import { exitCodeOfChild } from './exit-code-of-child.ts'
import { commandNotStarted } from './find-command.ts'
import { commitBefore, GUARD_COMMIT_VARIABLE, type GuardedRun } from './run-guarded.ts'

/** One a day, however often an application starts. */
export const DEFAULT_MIN_INTERVAL_MS = 24 * 3_600_000

/**
 * `snap run --on-start`: commits before an application starts, unless the last commit is recent, and
 * then is nothing but the application.
 *
 * What it changes is not looked at, and may take months. The commit is not pinned: it is one of many.
 */
export async function runOnStart(run: GuardedRun): Promise<void> {
  const { context, store, database, command } = run
  const { io } = context
  let guardCommitId: ObjectId | undefined
  if (!(await hasRecentCommit(run))) {
    const what = { command: 'run', database }
    guardCommitId = await withOperation(context, store, what, async (operation) => {
      const author = await findAuthor(io)
      const { commitId } = await commitBefore(run, operation, { author, isPinned: false })
      operation.outcome.databaseChange = 'unknown'
      return commitId
    })
    const said = formatCommand(redactArguments(command))
    context.output.note(`Commit ${shortId(guardCommitId)}; starting: ${said}`)
  }
  const outcome = await io.runChild(command, {
    workingDirectory: io.workingDirectory,
    environment: {
      ...io.environment,
      ...(guardCommitId === undefined ? {} : { [GUARD_COMMIT_VARIABLE]: guardCommitId }),
    },
  })
  if (outcome.kind === 'notStarted') throw commandNotStarted(command[0], outcome.code)
  context.exitCode = exitCodeOfChild(outcome)
}

async function hasRecentCommit({ context, store, database, flags }: GuardedRun): Promise<boolean> {
  const commit = await findHeadCommit(store)
  if (commit === undefined || !isWhole(commit)) return false
  if (commit.database.name !== database.databaseName) return false
  const now = context.io.now()
  const ageMs = now.getTime() - Date.parse(commit.createdAt)
  const isRecent = ageMs < (flags.minInterval ?? DEFAULT_MIN_INTERVAL_MS)
  if (isRecent) {
    const age = formatTime(new Date(commit.createdAt), context.output.style.clock)
    context.output.note(`No commit: the last was ${age}`)
  }
  return isRecent
}

async function findHeadCommit(store: Store): Promise<Commit | undefined> {
  const { id } = await readHead(store.refs)
  if (id === null) return undefined
  try {
    return await store.objects.readCommit(id)
  } catch (error) {
    // A damaged or pruned commit is none; the next one will be whole.
    if (error instanceof SnapError) return undefined
    throw error
  }
}

/** A commit of some tables is no way back for all. */
function isWhole({ selection }: Commit): boolean {
  return Object.values(selection).every((patterns) => patterns.length === 0)
}

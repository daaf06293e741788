import {
  type CommitWithId,
  compareTables,
  type ObjectId,
  readSchemaEntries,
  type Store,
  type Tree,
  walkCommits,
} from '../../../src/index.ts'
import { findParent } from '../../find-parent.ts'
import { type Decoration, namesOf, readDecorations } from '../../names.ts'
import { formatMessage, totalsOf } from '../../output/commit-text.ts'
import { formatContents, formatOrigin } from '../../output/show-text.ts'
import { findStartIds } from '../../start-ids.ts'
import type { Job } from '../runner.ts'
import type { LogEntry } from '../state.ts'
import type { LoadOf, Workplace } from './workplace.ts'

/** Reads the history, some commits at a time, and where each load ends the next goes on. */
export function newHistoryLoader({ store, context }: Workplace) {
  let reader: AsyncGenerator<LogEntry> | undefined
  let readerOf: number | undefined
  return async ({ count, reading }: LoadOf<'commits'>, job: Job): Promise<void> => {
    const { screenId } = job
    if (reader === undefined || reading !== readerOf) {
      reader = readEntries(store, { now: context.io.now(), signal: job.signal })
      readerOf = reading
    }
    const entries: LogEntry[] = []
    while (entries.length < count) {
      const { value, done } = await reader.next()
      if (done === true) {
        job.dispatch({ kind: 'commitsLoaded', screenId, reading, entries, isComplete: true })
        return
      }
      entries.push(value)
    }
    job.dispatch({ kind: 'commitsLoaded', screenId, reading, entries, isComplete: false })
  }
}

async function* readEntries(
  store: Store,
  options: { now: Date; signal: AbortSignal },
): AsyncGenerator<LogEntry> {
  const decorations = await readDecorations(store)
  const startIds = await findStartIds(store, { revisions: [], isAll: true, now: options.now })
  /** Totals of trees that a child has been compared with and that come later themselves. */
  const known = new Map<ObjectId, ReturnType<typeof totalsOf>>()
  const totalsOfTree = async (treeId: ObjectId) => {
    const found = known.get(treeId) ?? totalsOf(await store.objects.readTree(treeId))
    known.set(treeId, found)
    return found
  }
  for await (const found of walkCommits(store, startIds, { signal: options.signal })) {
    yield await entryOf(store, found, decorations.get(found.id), totalsOfTree)
  }
}

async function entryOf(
  store: Store,
  { id, commit, ancestorIds, prunedCount }: CommitWithId,
  names: readonly Decoration[] | undefined,
  totalsOfTree: (treeId: ObjectId) => Promise<ReturnType<typeof totalsOf>>,
): Promise<LogEntry> {
  const { rowCount, sizeBytes } = await totalsOfTree(commit.treeId)
  const [parentId] = ancestorIds
  const parent = parentId === undefined ? undefined : await store.objects.readCommit(parentId)
  const before = parent === undefined ? undefined : await totalsOfTree(parent.treeId)
  return {
    id,
    commit,
    names: namesOf(names),
    ancestorIds,
    prunedCount,
    rowCount,
    sizeBytes,
    rowChange: before === undefined ? null : rowCount - before.rowCount,
    sizeChangeBytes: sizeBytes - (before?.sizeBytes ?? 0),
  }
}

export async function loadCommit(
  { store, context }: Workplace,
  { commitId }: LoadOf<'commit'>,
  { dispatch, screenId }: Job,
): Promise<void> {
  const commit = await store.objects.readCommit(commitId)
  const tree = await store.objects.readTree(commit.treeId)
  const parentId = await findParent(store, commit)
  const before = parentId === undefined ? tree : await readTreeOf(store, parentId)
  const details = {
    commit,
    names: namesOf((await readDecorations(store)).get(commitId)),
    tables: compareTables(before, tree),
    schema: await readSchemaEntries(store.objects, tree),
    about: [
      `commit ${commitId}`,
      ...formatOrigin(commit, context.output.style),
      ...formatMessage(commit),
      '',
      ...formatContents(commit, tree),
    ],
  }
  dispatch({ kind: 'commitLoaded', screenId, details, parentId: parentId ?? null })
}

async function readTreeOf(store: Store, commitId: ObjectId): Promise<Tree> {
  const { treeId } = await store.objects.readCommit(commitId)
  return store.objects.readTree(treeId)
}

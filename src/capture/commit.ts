/**
 * `snap commit`: the database's state becomes a commit on the current branch.
 *
 * An id is returned only when everything it names is durable and the branch
 * points at it. Until the branch moves, a failure or a crash leaves objects
 * that nothing names, and no trace otherwise.
 */

import { emit, type Reporter } from '../events.ts'
import type { Author, HeadValue } from '../format/ref-record.ts'
import type { Commit, ObjectId, Selection, Tree } from '../format/values.ts'
import { withStoreLock } from '../maintenance/with-store-lock.ts'
import type { WriteTotals } from '../objects/object-writer.ts'
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import { moveHead, readHead } from '../refs/head.ts'
import { captureSources } from '../sources/capture-sources.ts'
import { sizeBytesOf } from '../sources/diff-sources.ts'
import type { Source } from '../sources/source.ts'
import type { Store } from '../store.ts'
import { type CommitFacts, putCommit } from './build-commit.ts'
import {
  type Capture,
  type CaptureOptions,
  captureDatabase,
  type Reading,
} from './capture-database.ts'
import { type DatabaseMoment, readTransactions } from './database-moment.ts'
import { findEarlierCommits } from './find-earlier-commits.ts'
import { readGitFacts } from './git-facts.ts'
import { keepRowsOfParent } from './keep-rows-of-parent.ts'
import { completeSelection } from './selection.ts'

export interface CommitOptions {
  database: DatabaseAddress
  message: string
  author: Author
  selection?: Partial<Selection> | undefined
  /** Other datastores to hold in the commit, each read after the database and at a moment of its own. */
  sources?: readonly Source[] | undefined
  /** Store changed chunks as what differs from older ones. Default true. */
  withDeltas?: boolean | undefined
  /** Connections that read rows; default 2 to 4, by the machine. */
  jobs?: number | undefined
  /**
   * Which tables to read. Default `changed`: where the server's WAL summaries say what has changed
   * since an earlier commit, only that. `all`: every one. `verified`: every one, and
   * `reading.mismatches` tells what `changed` would have got wrong.
   */
  reading?: CaptureOptions['reading']
  /** How long to wait for a table's lock; 0 waits for ever. Default 10 s. */
  lockTimeoutMs?: number | undefined
  /** `guard`: made before something that may go wrong. Default `user`. */
  purpose?: 'user' | 'guard' | undefined
  /** Where to look for a git work tree to record; none is looked for when absent. */
  workingDirectory?: string | undefined
  reporter?: Reporter | undefined
  signal?: AbortSignal | undefined
  now?: (() => Date) | undefined
}

export interface CaptureTotals extends WriteTotals {
  tableCount: number
  rowCount: number
  /** COPY text of all rows. */
  rowSizeBytes: number
  /** Files, and what dump commands wrote. */
  sourceSizeBytes: number
  elapsedMs: number
}

export interface CommitResult {
  commitId: ObjectId
  commit: Commit
  tree: Tree
  /** The branch that moved; null when HEAD is detached. */
  refName: string | null
  /** The tree, and what there is of other datastores, is that of the first parent. */
  isUnchanged: boolean
  totals: CaptureTotals
  /** Which tables were read, and why. */
  reading: Reading
  /** For `isStillAt`: when the database was read. */
  moment: DatabaseMoment
}

/**
 * Commits the database's state.
 *
 * @throws REF_CONFLICT  another commit moved the branch meanwhile; run again
 * @throws STORE_LOCKED  a garbage collection is running
 * @throws what `captureDatabase` throws, and BACKEND_* when the store cannot be written
 */
export function commit(store: Store, options: CommitOptions): Promise<CommitResult> {
  const { signal, now = () => new Date() } = options
  return withStoreLock(store, { operation: 'commit', mode: 'shared', at: now() }, async () => {
    const head = await readHead(store.refs)
    const written = await writeCommit(store, {
      ...options,
      purpose: options.purpose ?? 'user',
      parentId: head.id,
      selection: completeSelection(options.selection),
    })
    signal?.throwIfAborted()
    await advanceHead(store, head, written, options)
    const parent = head.id === null ? null : await store.objects.readCommit(head.id)
    return {
      commitId: written.commitId,
      commit: written.commit,
      tree: written.capture.tree,
      refName: head.targetRef,
      isUnchanged: parent !== null && hasSameState(written.commit, parent),
      totals: written.totals,
      reading: written.capture.reading,
      moment: written.moment,
    }
  })
}

/** Tells whether two commits hold the same of the database and of all other datastores. */
export function hasSameState(
  a: Pick<Commit, 'treeId' | 'sources'>,
  b: Pick<Commit, 'treeId' | 'sources'>,
): boolean {
  const rootsOf = ({ sources = [] }: Pick<Commit, 'sources'>) =>
    sources.map((source) =>
      source.kind === 'files'
        ? [source.name, source.entries.rootId, source.contents.rootId]
        : [source.name, source.output.rootId],
    )
  return a.treeId === b.treeId && JSON.stringify(rootsOf(a)) === JSON.stringify(rootsOf(b))
}

export interface WriteCommitOptions
  extends Omit<CommitOptions, 'selection' | 'purpose' | 'sources'> {
  purpose: Commit['purpose']
  parentId: ObjectId | null
  selection: Selection
}

export interface WrittenCommit {
  commitId: ObjectId
  commit: Commit
  capture: Capture
  totals: CaptureTotals
  moment: DatabaseMoment
}

/** Captures the database and makes the commit durable; no ref names it yet. */
export async function writeCommit(
  store: Store,
  options: WriteCommitOptions & Pick<CommitOptions, 'sources'>,
): Promise<WrittenCommit> {
  const { reporter, signal, now = () => new Date() } = options
  const startedAtMs = performance.now()
  const git =
    options.workingDirectory === undefined ? null : await readGitFacts(options.workingDirectory)
  const writer = store.objects.newWriter({ withDeltas: options.withDeltas ?? true })
  try {
    let transactions = ''
    const captured = await captureDatabase(writer, {
      database: options.database,
      selection: options.selection,
      earlier: await findEarlierCommits(store),
      reading: options.reading,
      isBase: true,
      jobs: options.jobs,
      lockTimeoutMs: options.lockTimeoutMs,
      // What a commit was asked to hold may be gone when a checkout keeps the state before it.
      mustMatch: options.purpose === 'user',
      inspect: async (exporter) => {
        transactions = await readTransactions(exporter)
      },
      reporter,
      signal,
    })
    const { parentId } = options
    const capture = await keepRowsOfParent(captured, parentId, store.objects, { writer, signal })
    const held = await captureSources(
      options.sources ?? [],
      { entries: writer, contents: writer },
      { reporter, signal, now },
    )
    emit(reporter, { kind: 'phaseStarted', phase: 'writeCommit' })
    const facts = { ...factsOf(options, git, now()), ...held }
    const { commitId, commit } = await putCommit(writer, capture, facts)
    await writer.flush()
    const written = writer.totals
    emit(reporter, {
      kind: 'objectsWritten',
      objectCount: written.newObjectCount,
      sizeBytes: written.newSizeBytes,
      storedSizeBytes: written.storedSizeBytes,
    })
    const elapsedMs = performance.now() - startedAtMs
    const totals = {
      ...totalsOf(capture.tree, written, elapsedMs),
      sourceSizeBytes: held.sources.reduce((sum, source) => sum + sizeBytesOf(source), 0),
    }
    const { sequences, tree } = capture
    const moment = { transactions, sequences, sequenceRows: tree.sequences }
    return { commitId, commit, capture, totals, moment }
  } finally {
    await writer.close()
  }
}

/**
 * Makes a capture whose objects the store holds already a durable commit; no ref names it yet.
 *
 * @throws BACKEND_* when the store cannot be written
 */
export async function commitCapture(
  store: Store,
  capture: Capture,
  options: Omit<WriteCommitOptions, 'database'> & Pick<CommitFacts, 'sources' | 'notCaptured'>,
): Promise<{ commitId: ObjectId; commit: Commit }> {
  const git =
    options.workingDirectory === undefined ? null : await readGitFacts(options.workingDirectory)
  const writer = store.objects.newWriter()
  try {
    const at = (options.now ?? (() => new Date()))()
    const { sources, notCaptured } = options
    const facts = { ...factsOf(options, git, at), sources, notCaptured }
    const written = await putCommit(writer, capture, facts)
    await writer.flush()
    return written
  } finally {
    await writer.close()
  }
}

function factsOf(
  options: Omit<WriteCommitOptions, 'database'>,
  git: Commit['git'],
  createdAt: Date,
): CommitFacts {
  return {
    parentIds: options.parentId === null ? [] : [options.parentId],
    purpose: options.purpose,
    message: options.message,
    author: options.author,
    createdAt,
    selection: options.selection,
    git,
  }
}

/** The branch first: it is the commit point. HEAD's own log follows and may lag behind after a crash. */
async function advanceHead(
  store: Store,
  head: HeadValue,
  { commitId }: WrittenCommit,
  { message, author, now = () => new Date() }: CommitOptions,
): Promise<void> {
  const reason = { kind: 'commit', message } as const
  const at = now()
  if (head.targetRef !== null) {
    const name = head.targetRef
    await store.refs.move({ name, expected: head.id, next: commitId, reason, author, at })
  }
  await moveHead(store.refs, {
    expected: head,
    next: { targetRef: head.targetRef, id: commitId },
    reason,
    author,
    at,
  })
}

function totalsOf(
  tree: Tree,
  written: Readonly<WriteTotals>,
  elapsedMs: number,
): Omit<CaptureTotals, 'sourceSizeBytes'> {
  const streams = tree.tables.flatMap(({ rows }) => (rows === null ? [] : [rows]))
  return {
    ...written,
    tableCount: tree.tables.length,
    rowCount: streams.reduce((sum, { rowCount }) => sum + rowCount, 0),
    rowSizeBytes: streams.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    elapsedMs,
  }
}

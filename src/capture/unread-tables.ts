/**
 * Which tables need not be read, because an earlier commit holds the rows that reading them would
 * give. The one place that decides this, for commits, comparisons and checkouts.
 *
 * A commit notes (`WalBase`) a position of the server's log such that whoever had logged anything
 * before it was over at the commit's snapshot, and for each table which files held its rows under
 * which definitions. A table is left unread when its files and definitions are the same now, and
 * the server's WAL summaries name none of its files from that position up to now. Why its COPY then
 * reads the same bytes in the same order:
 *
 * 1. *Row versions.* Whatever changes one writes a log record that names its block: INSERT, UPDATE,
 *    DELETE, row locks, pruning, freezing, and hint bits where they are logged. Without such a record
 *    the blocks hold the same row versions at the same places, or ones that differ in unlogged hint bits.
 * 2. *Who sees them.* A snapshot shows a version by whether the transactions that made and ended it
 *    were over and had committed. A transaction that was over at the commit's snapshot is so now with
 *    the same outcome. One that was not has, by the choice of the position, logged everything after
 *    it; so had it touched the table, the summaries would say so. That covers transactions that were
 *    open or prepared across the commit, with all subtransactions.
 * 3. *The position.* The log's insert position is read first, then who holds the lock on a transaction
 *    id, then the snapshot is taken. Whoever logged something before the position either held its lock
 *    (it is taken before the first record and released when everybody can see that it is over) or was over.
 *    If all of these are over at the snapshot, the position is good. Else that of an earlier commit is:
 *    what was over then is over now. A snapshot alone does not tell: its `xmax` follows the newest
 *    transaction that ended, not the newest that began.
 * 4. *Up to now.* The end is the insert position after the new snapshot was taken, so the commit record
 *    of all that it shows lies before. Summaries must cover everything in between without a gap.
 * 5. *The same log.* System identifier, database and start of the server process are those of the commit,
 *    and what the commit saw had been flushed: a crash of a backend replays it and loses nothing that
 *    was seen. So positions mean the same thing. After a restart, a promotion, a recovery to a point in
 *    time, or on a copy of the cluster, everything is read once.
 * 6. *Files.* TRUNCATE, VACUUM FULL, CLUSTER, rewriting ALTER TABLE and SET UNLOGGED give a table new files;
 *    files of a number that was used before are named by the record that made them. Both are read with the
 *    table locked, before whose lock no such change can be half done. Unlogged tables and other access
 *    methods are always read.
 * 7. *Definitions.* `table-states.ts` says what else the text of rows depends on.
 *
 * It does not guard against a virtual machine that goes on from an older image of its memory, nor
 * against who writes data files behind the server's back. `verify` reads everything and compares.
 *
 * Whatever is in doubt, or fails, is read; and an earlier commit whose rows are not all in the store
 * any more is not relied upon, so that a new commit heals the store.
 */
import { isSnapError, throwIfAborted } from '../errors.ts'
import { checkTableState } from '../format/stream-entries.ts'
import type { Commit, ManifestRef, ObjectId, TableEntry, WalBase } from '../format/values.ts'
import type { ObjectDatabase } from '../objects/object-database.ts'
import { readJsonStream } from '../objects/read-json-stream.ts'
import { findWholeStreams } from '../objects/whole-streams.ts'
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import { pinSettings } from '../postgres/pinned-settings.ts'
import { qualifiedName } from '../postgres/quote.ts'
import { openSession } from '../postgres/session.ts'
import { parseLsn } from './log-position.ts'
import type { TableStorage } from './table-states.ts'
import type { WalMoment, WalObstacle } from './wal-moment.ts'
import { readModifiedFiles, type SummaryObstacle } from './wal-summaries.ts'

/** Commits that rows may be taken from, and the store that holds them. */
export interface EarlierCommits {
  objects: ObjectDatabase
  commits: readonly { commitId: ObjectId; commit: Commit }[]
}

/**
 * Why every table was read: it was asked for; no earlier commit noted where the log stood
 * (`noBase`), or not in the life of this server process (`otherServer`); the server does not tell, or
 * not all of it; something failed on the way.
 */
export type FullReadReason =
  | 'asked'
  | 'noBase'
  | 'otherServer'
  | WalObstacle
  | SummaryObstacle
  | 'failed'

export interface UnreadTables {
  /** By qualified name: rows that an earlier commit holds and that are those of now. */
  rows: ReadonlyMap<string, ManifestRef>
  /** The commit they are from; null where every table is read. */
  baseId: ObjectId | null
  /** Null where what has changed is known. */
  reason: FullReadReason | null
}

interface BaseCommit {
  commitId: ObjectId
  commit: Commit
  walBase: WalBase
}

/** Returns the newest of the commits that were made in the life of this server process, of this database. */
export function findBaseCommit(
  { commits }: EarlierCommits,
  moment: WalMoment,
): BaseCommit | undefined {
  return commits
    .flatMap(({ commitId, commit }) =>
      commit.walBase !== undefined &&
      commit.walBase.serverStartedAt === moment.serverStartedAt &&
      commit.database.systemIdentifier === moment.systemIdentifier &&
      commit.database.oid === moment.databaseOid
        ? [{ commitId, commit, walBase: commit.walBase }]
        : [],
    )
    .sort((a, b) => Number(settledAt(b) - settledAt(a)))[0]
}

const settledAt = ({ walBase }: BaseCommit) => parseLsn(walBase.settledLsn)

/**
 * Finds the tables that need not be read.
 *
 * The server is asked over a connection of its own. Nothing that goes wrong there is an error:
 * then every table has to be read.
 *
 * @param states  of the tables as they are in the snapshot that `moment` is of
 * @throws ABORTED
 */
export async function findUnreadTables(
  earlier: EarlierCommits,
  {
    moment,
    states,
    database,
    signal,
  }: {
    moment: WalMoment
    states: ReadonlyMap<string, TableStorage>
    database: DatabaseAddress
    signal?: AbortSignal | undefined
  },
): Promise<UnreadTables> {
  const base = findBaseCommit(earlier, moment)
  if (base === undefined) {
    const isNoted = earlier.commits.some(({ commit }) => commit.walBase !== undefined)
    return readAll(isNoted ? 'otherServer' : 'noBase')
  }
  try {
    const candidates = await listCandidates(earlier.objects, base, states)
    if (candidates.length === 0) return { rows: new Map(), baseId: base.commitId, reason: null }
    const session = await openSession(database, signal === undefined ? {} : { signal })
    try {
      await pinSettings(session)
      const range = { since: base.walBase.settledLsn, until: moment }
      const modified = await readModifiedFiles(session, range)
      if (typeof modified === 'string') return readAll(modified)
      const unmodified = candidates.filter(
        ({ storage }) => !storage.fileNodes.some((fileNode) => modified.has(fileNode)),
      )
      const manifests = unmodified.map(({ manifest }) => manifest)
      const whole = await findWholeStreams(earlier.objects, manifests)
      const taken = unmodified.filter(({ manifest }) => whole.has(manifest))
      const rows = new Map(taken.map(({ name, manifest }) => [name, manifest]))
      return { rows, baseId: base.commitId, reason: null }
    } finally {
      await session.close()
    }
  } catch (error) {
    throwIfAborted(signal, 'capture')
    if (isSnapError(error)) return readAll('failed')
    throw error
  }
}

const readAll = (reason: FullReadReason): UnreadTables => ({
  rows: new Map(),
  baseId: null,
  reason,
})

interface Candidate {
  /** Qualified. */
  name: string
  storage: TableStorage
  manifest: ManifestRef
}

/** Tables with the same files and definitions as in the base commit, whatever they were called there. */
async function listCandidates(
  objects: ObjectDatabase,
  base: BaseCommit,
  states: ReadonlyMap<string, TableStorage>,
): Promise<Candidate[]> {
  const { tables } = await objects.readTree(base.commit.treeId)
  const entries = new Map(tables.map((table) => [qualifiedName(table), table]))
  const byState = new Map<string, TableEntry>()
  for (const state of await readJsonStream(objects, base.walBase.tables, checkTableState)) {
    const entry = entries.get(qualifiedName(state))
    // Rows of extensions' tables are chosen by a condition, of which a state knows nothing.
    if (entry !== undefined && entry.extension === null) byState.set(state.stateId, entry)
  }
  return [...states].flatMap(([name, storage]) => {
    const manifest = byState.get(storage.stateId)?.rows ?? null
    return manifest === null ? [] : [{ name, storage, manifest }]
  })
}

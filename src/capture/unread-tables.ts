/**
 * Which tables need not be read, or not all over, because an earlier commit holds the rows that reading
 * them would give. The one place that decides this, for commits, comparisons and checkouts.
 *
 * A commit notes (`WalBase`) a position of the server's log such that whoever had logged anything
 * before it was over at the commit's snapshot, and for each table which files held its rows under
 * which definitions. A table is left unread when its files and definitions are the same now, and
 * the server's WAL summaries name no block of its heap from that position up to now. Where they name some,
 * and the commit notes how many bytes each range of blocks gave, the other ranges are left unread. Why a
 * COPY then gives the same bytes, in the same order, of blocks that are not named:
 *
 * 1. *Row versions.* Whatever changes one writes a log record that names its block: INSERT, UPDATE,
 *    DELETE, row locks, pruning, freezing, and hint bits where they are logged. Without such a record
 *    the blocks hold the same row versions at the same places, or ones that differ in unlogged hint bits.
 * 2. *Who sees them.* A snapshot shows a version by whether the transactions that made and ended it
 *    were over and had committed. A transaction that was over at the commit's snapshot is so now with
 *    the same outcome. One that was not has, by the choice of the position, logged everything after
 *    it; so had it touched a version in the block, the summaries would name the block. That covers
 *    transactions that were open or prepared across the commit, with all subtransactions. All of this
 *    is written in the version itself, so no other block has a part in it.
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
 *    methods are always read. Where blocks were cut off, the summaries tell how many were left; from there
 *    on all count as named. Blocks that were added without a record are empty.
 * 7. *Values stored out of line.* A row version points to them, and they stay as they are for as long as
 *    anybody may see the version: an update writes new values under ids of their own, and a version that
 *    points to them; vacuum takes away only what no version that can be seen points to; and an id is given
 *    out again only after that. So the heap tells of all changes. Written anew, with the heap or alone
 *    (VACUUM FULL, CLUSTER), they lie in new files.
 * 8. *Definitions.* `table-states.ts` says what else the text of rows depends on.
 *
 * It does not guard against a virtual machine that goes on from an older image of its memory, nor
 * against who writes data files behind the server's back. `verify` reads everything and compares.
 *
 * Whatever is in doubt, or fails, is read; and an earlier commit whose rows are not all in the store
 * any more is not relied upon, so that a new commit heals the store.
 */
import { isSnapError, throwIfAborted } from '../errors.ts'
import { checkTableRanges, checkTableState } from '../format/stream-entries.ts'
import type { Commit, ManifestRef, ObjectId, TableEntry, WalBase } from '../format/values.ts'
import type { ObjectDatabase } from '../objects/object-database.ts'
import { readJsonStream } from '../objects/read-json-stream.ts'
import { findWholeStreams } from '../objects/whole-streams.ts'
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import { pinSettings } from '../postgres/pinned-settings.ts'
import { qualifiedName } from '../postgres/quote.ts'
import { openSession } from '../postgres/session.ts'
import { RANGE_BLOCKS } from './block-ranges.ts'
import type { FormerRanges } from './changed-ranges.ts'
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
  /** By qualified name: what that commit holds of large tables that have changed in known places. */
  changed: ReadonlyMap<string, FormerRanges>
  /** By qualified name: COPY text that each range gave, for large tables of `rows`. */
  rangeSizesBytes: ReadonlyMap<string, readonly number[]>
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
    const rows = new Map<string, ManifestRef>()
    const changed = new Map<string, FormerRanges>()
    const rangeSizesBytes = new Map<string, readonly number[]>()
    const unread = { rows, changed, rangeSizesBytes, baseId: base.commitId, reason: null }
    if (candidates.length === 0) return unread
    const session = await openSession(database, signal === undefined ? {} : { signal })
    try {
      await pinSettings(session)
      const range = { since: base.walBase.settledLsn, until: moment }
      const modified = await readModifiedFiles(session, range)
      if (typeof modified === 'string') return readAll(modified)
      const useful = candidates.filter(
        ({ storage, sizesBytes }) => !modified.has(storage.fileNode) || sizesBytes !== undefined,
      )
      const manifests = useful.map(({ manifest }) => manifest)
      const whole = await findWholeStreams(earlier.objects, manifests)
      for (const { name, storage, manifest, sizesBytes } of useful) {
        if (!whole.has(manifest)) continue
        const where = modified.get(storage.fileNode)
        if (sizesBytes !== undefined) rangeSizesBytes.set(name, sizesBytes)
        if (where === undefined) rows.set(name, manifest)
        else if (sizesBytes !== undefined) {
          changed.set(name, { rows: manifest, sizesBytes, modified: where })
        }
      }
      return unread
    } finally {
      await session.close()
    }
  } catch (error) {
    throwIfAborted(signal, 'capture')
    if (isSnapError(error)) return readAll('failed')
    throw error
  }
}

/** Of a capture that knows of nothing that it need not read. */
export const readAll = (reason: FullReadReason): UnreadTables => ({
  rows: new Map(),
  changed: new Map(),
  rangeSizesBytes: new Map(),
  baseId: null,
  reason,
})

interface Candidate {
  /** Qualified. */
  name: string
  storage: TableStorage
  manifest: ManifestRef
  sizesBytes: readonly number[] | undefined
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
  const ranges = await readRanges(objects, base.walBase)
  return [...states].flatMap(([name, storage]) => {
    const entry = byState.get(storage.stateId)
    if (entry === undefined || entry.rows === null) return []
    const sizesBytes = ranges.get(qualifiedName(entry))
    const sum = sizesBytes?.reduce((total, each) => total + each, 0)
    const isRightSum = sum === entry.rows.sizeBytes
    return [
      { name, storage, manifest: entry.rows, sizesBytes: isRightSum ? sizesBytes : undefined },
    ]
  })
}

/** COPY text of each range of large tables, by the qualified name they had. */
async function readRanges(
  objects: ObjectDatabase,
  { ranges }: WalBase,
): Promise<Map<string, number[]>> {
  const byName = new Map<string, number[]>()
  if (ranges === undefined) return byName
  for (const line of await readJsonStream(objects, ranges, checkTableRanges)) {
    if (line.blockCount !== RANGE_BLOCKS) continue
    const name = qualifiedName(line)
    const sizesBytes = byName.get(name) ?? []
    // A line that is missing leaves a sum that is not the table's.
    if (line.firstRange === sizesBytes.length) sizesBytes.push(...line.sizesBytes)
    byName.set(name, sizesBytes)
  }
  return byName
}

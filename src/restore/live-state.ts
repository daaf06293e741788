/**
 * The live database as a restore is planned against it, and whether it still is so.
 */
import { type Capture, type CaptureOptions, captureDatabase } from '../capture/capture-database.ts'
import { isStillAt, readTransactions } from '../capture/database-moment.ts'
import { findEarlierCommits } from '../capture/find-earlier-commits.ts'
import { type Blocker, InvariantError, isSnapError } from '../errors.ts'
import type { Reporter } from '../events.ts'
import type { ManifestRef, ObjectId, Selection, Tree } from '../format/values.ts'
import { manifestsOfBase } from '../history/mark-reachable.ts'
import type { ObjectDatabase } from '../objects/object-database.ts'
import { openScratchOverlay } from '../objects/scratch-overlay.ts'
import { type StreamReader, walkChunks } from '../objects/walk-manifest.ts'
import { withScratchDirectory } from '../objects/with-scratch-directory.ts'
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import type { Session } from '../postgres/session.ts'
import { splitTopLevel, unquoteIdentifier } from '../schema/sql-text.ts'
import type { Store } from '../store.ts'
import type { ColumnDependent, SchemaState } from './plan-surgery.ts'
import { readColumnDependents } from './read-column-dependents.ts'
import { manifestsOf } from './verify-objects.ts'

export interface LiveState {
  capture: Capture
  selection: Selection
  treeId: ObjectId
  tree: Tree
  schema: SchemaState
  columnDependents: readonly ColumnDependent[]
  /** Whom the restore works as. */
  role: { name: string; isSuperuser: boolean }
  /** Where the role looks for names without a schema. */
  searchPath: readonly string[]
  /** Which transactions were over when it was read: the text of `pg_current_snapshot()`. */
  transactions: string
  /** Whether every object of it is in the store, so that a commit can name them. */
  isStored: boolean
  readAt: Date
}

export interface LiveStateOptions {
  database: DatabaseAddress
  selection: Selection
  /** Put what is read into the store, for the safety commit; else into a scratch directory. */
  isStored: boolean
  /** Rows that are in the store and need not be read, by qualified table name. */
  unchangedRows?: ReadonlyMap<string, ManifestRef> | undefined
  /** As of `captureDatabase`. */
  reading?: CaptureOptions['reading']
  jobs?: number | undefined
  lockTimeoutMs?: number | undefined
  onTerminated?: ((blocker: Blocker) => void) | undefined
  reporter?: Reporter | undefined
  signal?: AbortSignal | undefined
  now?: (() => Date) | undefined
}

/**
 * Reads the live database, and hands it to `use` with what its rows can be read from.
 *
 * `objects` is gone when `use` has resolved, unless the state is stored.
 *
 * @throws what `captureDatabase` throws, and BACKEND_* when rows cannot be written anywhere
 */
export async function withLiveState<T>(
  store: Store,
  options: LiveStateOptions,
  use: (live: LiveState, objects: StreamReader) => Promise<T>,
): Promise<T> {
  if (options.isStored) {
    const writer = store.objects.newWriter()
    try {
      const live = await readLiveState(store, writer, options)
      await writer.flush()
      return await use(live, store.objects)
    } finally {
      await writer.close()
    }
  }
  return withScratchDirectory(async (directory) => {
    const overlay = await openScratchOverlay(store.objects, directory)
    try {
      const live = await readLiveState(store, overlay.sink, options)
      await overlay.flush()
      return await use(live, overlay.objects)
    } finally {
      await overlay.close()
    }
  })
}

async function readLiveState(
  store: Store,
  sink: Parameters<typeof captureDatabase>[0],
  options: LiveStateOptions,
): Promise<LiveState> {
  let seen: Pick<LiveState, 'columnDependents' | 'role' | 'searchPath' | 'transactions'> | undefined
  const readAt = (options.now ?? (() => new Date()))()
  const capture = await captureDatabase(sink, {
    database: options.database,
    selection: options.selection,
    unchangedRows: options.unchangedRows,
    earlier: await findEarlierCommits(store),
    reading: options.reading,
    isBase: options.isStored,
    jobs: options.jobs,
    lockTimeoutMs: options.lockTimeoutMs,
    onTerminated: options.onTerminated,
    reporter: options.reporter,
    signal: options.signal,
    inspect: async (exporter, { entries, facts }) => {
      const role = await readRole(exporter)
      seen = {
        columnDependents: await readColumnDependents(exporter, entries, facts),
        role,
        searchPath: await readSearchPath(exporter, role.name),
        transactions: await readTransactions(exporter),
      }
    },
  })
  if (seen === undefined) throw new InvariantError('a capture ended before it had begun')
  const { tree, treeId, schema: entries, catalogFacts: facts } = capture
  const schema = { entries, facts }
  const { selection, isStored } = options
  return { ...seen, capture, selection, tree, treeId, schema, isStored, readAt }
}

async function readRole(session: Session): Promise<LiveState['role']> {
  const [role] = await session.query<{ name: string; is_superuser: boolean }>(
    `SELECT current_user::text AS name, rolsuper AS is_superuser
       FROM pg_catalog.pg_roles WHERE rolname = current_user`,
  )
  return { name: role?.name ?? '', isSuperuser: role?.is_superuser ?? false }
}

/** The session's own is pinned; what counts is the one that a session of the role begins with. */
async function readSearchPath(session: Session, roleName: string): Promise<string[]> {
  const [setting] = await session.query<{ path: string }>(
    `SELECT reset_val AS path FROM pg_catalog.pg_settings WHERE name = 'search_path'`,
  )
  return splitTopLevel(setting?.path ?? '', ',')
    .map(unquoteIdentifier)
    .map((namespace) => (namespace === '$user' ? roleName : namespace))
}

/** Tells whether the database is still as it was when `live` was read. @see isStillAt */
export function isUnchanged(session: Session, live: LiveState): Promise<boolean> {
  const { transactions, capture, tree } = live
  const moment = { transactions, sequences: capture.sequences, sequenceRows: tree.sequences }
  return isStillAt(session, moment)
}

/**
 * Tells whether the store still has all that a stored state needs.
 *
 * It was put there, or found to be there, without the store lock, so a collection may have run
 * since. Ask under the lock (store-format.md §10.1); nothing is read but manifests, and those only
 * when packs have come or gone.
 */
export async function isStillStored(
  objects: ObjectDatabase,
  { capture, tree, treeId, isStored }: LiveState,
): Promise<boolean> {
  if (!isStored || !(await objects.refresh())) return true
  if (!(await objects.has(treeId))) return false
  try {
    const beside = manifestsOfBase(capture.walBase)
    for (const manifest of [...manifestsOf(tree), capture.catalog, ...beside]) {
      for await (const { id } of walkChunks(objects, manifest)) {
        if (!(await objects.has(id))) return false
      }
    }
    return true
  } catch (error) {
    if (isSnapError(error, 'OBJECT_MISSING')) return false
    throw error
  }
}

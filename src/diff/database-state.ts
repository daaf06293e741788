/**
 * One whole state of a database that can be compared: what a commit holds, or
 * what is there now.
 */

import { type CaptureOptions, captureDatabase } from '../capture/capture-database.ts'
import { findEarlierCommits } from '../capture/find-earlier-commits.ts'
import type { Reporter } from '../events.ts'
import type {
  CatalogFact,
  Commit,
  CommittedSource,
  MigrationHead,
  ObjectId,
  SchemaEntry,
  Selection,
  Tree,
} from '../format/values.ts'
import { MemoryOverlay } from '../objects/memory-overlay.ts'
import { HashingSink } from '../objects/object-sink.ts'
import { openScratchOverlay } from '../objects/scratch-overlay.ts'
import type { StreamReader } from '../objects/walk-manifest.ts'
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import { captureSources } from '../sources/capture-sources.ts'
import { chooseSources } from '../sources/choose-sources.ts'
import type { SourcesState } from '../sources/diff-sources.ts'
import type { Source } from '../sources/source.ts'
import type { Store } from '../store.ts'

export interface DatabaseState {
  treeId: ObjectId
  tree: Tree
  /** In the order in which they can be created. */
  schema: readonly SchemaEntry[]
  /** What the catalog knew of the entries when they were captured, one for each. */
  facts: readonly CatalogFact[]
  /** Which database it is a state of: OIDs say something about that one alone. */
  origin: Pick<Commit['database'], 'systemIdentifier' | 'oid'>
  /** `server_version_num` of the server it was captured from. */
  serverVersionNumber: number
  /** Reads every node and chunk that `tree` names. */
  objects: StreamReader
  /** Of other datastores; null where nobody has looked at them. */
  sources: SourcesState | null
}

export interface LiveStateOptions {
  database: DatabaseAddress
  /** What of the database to read: that of the commit it is compared with. */
  selection: Selection
  /**
   * An empty directory, on a file system with room for what the store does not hold yet. The
   * caller removes it once the state is no longer needed.
   */
  scratchDirectory: string
  /** Other datastores to look at, and what the commit to compare with holds of them. */
  sources?: { configured: readonly Source[]; committed: readonly CommittedSource[] } | undefined
  /** Which tables to read; as of `commit`. */
  reading?: CaptureOptions['reading']
  jobs?: number | undefined
  lockTimeoutMs?: number | undefined
  reporter?: Reporter | undefined
  signal?: AbortSignal | undefined
}

/** The state of a live database. */
export interface LiveDatabaseState extends DatabaseState {
  /** Which migrations it is at, of every tool that keeps books in it. */
  migrations: MigrationHead[]
}

/**
 * Captures the state of the database as it is now, without committing anything.
 *
 * The store is only read. Chunks that it does not hold go to the scratch
 * directory, packed as in a store, so memory stays bounded however much has changed.
 *
 * @throws what `captureDatabase` throws, and BACKEND_* when the scratch directory cannot be written
 */
export async function captureLiveState(
  store: Store,
  options: LiveStateOptions,
): Promise<LiveDatabaseState> {
  const overlay = await openScratchOverlay(store.objects, options.scratchDirectory)
  try {
    const captured = await captureDatabase(overlay.sink, {
      database: options.database,
      selection: options.selection,
      earlier: await findEarlierCommits(store),
      reading: options.reading,
      jobs: options.jobs,
      lockTimeoutMs: options.lockTimeoutMs,
      reporter: options.reporter,
      signal: options.signal,
    })
    await overlay.flush()
    const { treeId, tree, schema, catalogFacts, database, migrations } = captured
    return {
      treeId,
      tree,
      schema,
      facts: catalogFacts,
      origin: database,
      serverVersionNumber: database.serverVersionNumber,
      migrations,
      objects: overlay.objects,
      sources:
        options.sources === undefined ? null : await readSources(store, options.sources, options),
    }
  } finally {
    await overlay.close()
  }
}

/** Contents are hashed and not kept: their ids say what differs. */
async function readSources(
  store: Store,
  { configured, committed }: NonNullable<LiveStateOptions['sources']>,
  options: Pick<LiveStateOptions, 'reporter' | 'signal'>,
): Promise<SourcesState> {
  const chosen = chooseSources(configured, committed)
  const entries = new MemoryOverlay()
  const { sources } = await captureSources(
    [...chosen.configured.map(({ source }) => source), ...chosen.notCommitted],
    { entries, contents: new HashingSink() },
    { ...options, mayBeMissing: true },
  )
  return { sources, objects: entries.over(store.objects) }
}

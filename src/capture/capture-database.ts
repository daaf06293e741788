/**
 * Reads one whole state of a database into objects.
 *
 * One connection takes the snapshot and reads the schema; the others share the
 * snapshot and read rows. Equal states give equal trees whatever the number of
 * connections: only contents and their order in the heap enter a tree.
 *
 * It does not store anything by itself and moves no ref: that is `commit`.
 */

import { type Blocker, isSnapError, throwIfAborted } from '../errors.ts'
import { emit, type Reporter } from '../events.ts'
import { encodeJsonLine } from '../format/json-lines.ts'
import { encodeTree } from '../format/tree.ts'
import type {
  CatalogFact,
  Commit,
  ManifestRef,
  MigrationHead,
  NotCaptured,
  ObjectId,
  SchemaEntry,
  Selection,
  SequenceState,
  TableEntry,
  Tree,
} from '../format/values.ts'
import type { ObjectSink } from '../objects/object-sink.ts'
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import { watchLocks } from '../postgres/lock-watch.ts'
import { pinSettings } from '../postgres/pinned-settings.ts'
import { qualifiedName } from '../postgres/quote.ts'
import { openSession, type Session } from '../postgres/session.ts'
import { COPY_LARGE_OBJECT_PAGES, readLargeObjectEntries } from './capture-large-objects.ts'
import { type CapturedSchema, captureSchema, listTablesMatching } from './capture-schema.ts'
import { readSequenceStates } from './capture-sequences.ts'
import { captureLines, captureStream } from './capture-stream.ts'
import { openConsistentSnapshot } from './consistent-snapshot.ts'
import { copyOutStatement } from './copy-out-statement.ts'
import { readDatabaseFacts } from './database-facts.ts'
import { DEFAULT_LOCK_TIMEOUT_MS, defaultJobs } from './default-jobs.ts'
import { detectMigrations } from './detect-migrations.ts'
import { byNamespaceAndName, listRelations, type Relation } from './list-relations.ts'
import {
  coversWholeSchema,
  excludedDataArguments,
  isWholeDatabase,
  schemaArguments,
} from './selection.ts'

export interface CaptureOptions {
  database: DatabaseAddress
  selection: Selection
  /** Rows that are in the sink and need not be read, by qualified table name. */
  unchangedRows?: ReadonlyMap<string, ManifestRef> | undefined
  /** Connections that read rows; default 2 to 4, by the machine. */
  jobs?: number | undefined
  /** Default 10 s. */
  lockTimeoutMs?: number | undefined
  /** The database is made to be captured and dropped: its OIDs, which would differ the next time, are told as 0. */
  isScratch?: boolean | undefined
  /** A selection that matches nothing is refused instead of giving an empty tree. */
  mustMatch?: boolean | undefined
  /** Runs on the exporting connection, inside its transaction, before rows are read. */
  inspect?: ((exporter: Session, schema: CapturedSchema) => Promise<void>) | undefined
  /** Ends sessions that keep the schema from being read, and is called with each. */
  onTerminated?: ((blocker: Blocker) => void) | undefined
  reporter?: Reporter | undefined
  signal?: AbortSignal | undefined
}

/** A tree, its objects in the sink, and what was learned on the way. */
export interface Capture {
  treeId: ObjectId
  tree: Tree
  schema: SchemaEntry[]
  /** `namespace NUL name` of every table, view-like relation and sequence of `schema`. */
  relationNames: ReadonlySet<string>
  /** One for each entry of `schema`; `catalog` holds the same. */
  catalogFacts: CatalogFact[]
  catalog: ManifestRef
  /** What `tree.sequences` holds. */
  sequences: SequenceState[]
  database: Commit['database']
  pgDumpVersion: string
  migrations: MigrationHead[]
  notCaptured: NotCaptured[]
}

/** What the exporting connection saw at the snapshot. */
interface Look {
  tables: Relation[]
  exportedSnapshot: string
  relations: Relation[]
  schema: CapturedSchema
  excludedData: ReadonlySet<string>
  database: Commit['database']
}

/**
 * Captures the database at `options.database` into `sink`.
 *
 * @throws POSTGRES_*                     the server refused something; nothing is retried
 * @throws ROWS_HIDDEN                    row-level security would hide rows from this role
 * @throws SCHEMA_CHANGED_DURING_CAPTURE  tables kept appearing while the snapshot was taken
 * @throws ABORTED                        the signal was aborted
 */
export async function captureDatabase(sink: ObjectSink, options: CaptureOptions): Promise<Capture> {
  const { database, reporter, signal } = options
  emit(reporter, { kind: 'phaseStarted', phase: 'connect' })
  const exporter = await openCaptureSession(options)
  const workers: Session[] = []
  try {
    const lockTimeoutMs = options.lockTimeoutMs ?? DEFAULT_LOCK_TIMEOUT_MS
    const watch = { ...options, lockTimeoutMs, address: database }
    const look = await watchLocks(exporter, watch, () => takeSnapshot(exporter, options))
    await options.inspect?.(exporter, look.schema)
    throwIfAborted(signal, 'capture')

    const toRead = look.tables.filter(
      (table) =>
        table.kind === 'table' &&
        !look.excludedData.has(nameKey(table)) &&
        !options.unchangedRows?.has(qualifiedName(table)),
    )
    const workerCount = Math.max(1, Math.min(options.jobs ?? defaultJobs(), toRead.length))
    await Promise.all(
      Array.from({ length: workerCount }, async () => {
        const worker = await openCaptureSession(options)
        workers.push(worker)
        await worker.execute(
          `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '${look.exportedSnapshot}'`,
        )
      }),
    )

    emit(reporter, { kind: 'phaseStarted', phase: 'captureRows' })
    const rows = await captureTables({ exporter, workers }, toRead, sink, options)
    return await finishCapture(exporter, look, rows, sink, options)
  } finally {
    await Promise.allSettled([exporter, ...workers].map((session) => session.close()))
  }
}

async function openCaptureSession({
  database,
  signal,
  lockTimeoutMs = DEFAULT_LOCK_TIMEOUT_MS,
}: CaptureOptions): Promise<Session> {
  const session = await openSession(database, signal === undefined ? {} : { signal })
  await pinSettings(session, { lockTimeoutMs })
  return session
}

function takeSnapshot(exporter: Session, options: CaptureOptions): Promise<Look> {
  const { selection, reporter } = options
  emit(reporter, { kind: 'phaseStarted', phase: 'lockTables' })

  const lockable = (relations: Relation[]) =>
    relations.filter(({ kind }) => kind === 'table' || kind === 'partitionedTable')

  const candidates = async () => {
    const relations = lockable(await listRelations(exporter))
    if (coversWholeSchema(selection)) return relations
    await exporter.execute('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    try {
      const matching = await listTablesMatching(exporter, schemaArguments(selection))
      return relations.filter((relation) => matching.has(nameKey(relation)))
    } finally {
      await exporter.execute('ROLLBACK')
    }
  }

  const look = async (): Promise<Look> => {
    const [exported] = await exporter.query<{ id: string }>(
      'SELECT pg_catalog.pg_export_snapshot() AS id',
    )
    if (exported === undefined) throw new TypeError('pg_export_snapshot() returned no row')
    emit(reporter, { kind: 'phaseStarted', phase: 'captureSchema' })
    const facts = await readDatabaseFacts(exporter)
    const schema = await captureSchema(exporter, selection, 'holdLocks', {
      mustMatch: options.mustMatch ?? false,
    })
    const excludedData =
      selection.excludeTableData.length === 0
        ? new Set<string>()
        : await listTablesMatching(exporter, excludedDataArguments(selection))
    const relations = (await listRelations(exporter)).filter((relation) =>
      relation.extension === null
        ? schema.relationNames.has(nameKey(relation))
        : isWholeDatabase(selection),
    )
    return {
      tables: lockable(relations),
      exportedSnapshot: exported.id,
      relations,
      schema,
      excludedData,
      database: facts,
    }
  }

  return openConsistentSnapshot(exporter, candidates, look)
}

/**
 * Reads tables with all workers, the largest first so that no worker ends alone with the largest.
 *
 * A migration that waits for one of them keeps the workers out: a lock request
 * queues behind every request before it. Waiting would be for ever, because the
 * migration itself waits for the exporter. So workers do not wait, and what they
 * cannot have the exporter reads, which holds all the locks already.
 */
async function captureTables(
  { exporter, workers }: { exporter: Session; workers: readonly Session[] },
  tables: readonly Relation[],
  sink: ObjectSink,
  { reporter, signal }: CaptureOptions,
): Promise<Map<string, ManifestRef>> {
  const queue = tables.toSorted((a, b) => b.estimatedSizeBytes - a.estimatedSizeBytes)
  emit(reporter, {
    kind: 'tablesPlanned',
    tableCount: queue.length,
    estimatedSizeBytes: queue.reduce((sum, table) => sum + table.estimatedSizeBytes, 0),
  })

  const manifests = new Map<string, ManifestRef>()
  const contended: Relation[] = []
  let failure: unknown
  const drain = async (reader: Session, from: Relation[], canRead: typeof lockAtOnce) => {
    for (let table = from.shift(); table !== undefined; table = from.shift()) {
      try {
        throwIfAborted(signal, 'capture')
        if (await canRead(reader, table)) {
          manifests.set(nameKey(table), await captureTable(reader, table, sink, reporter))
        } else {
          contended.push(table)
        }
      } catch (error) {
        failure ??= error
        from.length = 0
      }
    }
  }
  await Promise.all(workers.map((worker) => drain(worker, queue, lockAtOnce)))
  if (failure === undefined) await drain(exporter, contended, () => Promise.resolve(true))
  if (failure !== undefined) throw failure
  return manifests
}

/** Takes the lock that COPY needs, or returns false when it cannot be had without waiting. */
async function lockAtOnce(worker: Session, table: Relation): Promise<boolean> {
  try {
    await worker.execute(`
      SAVEPOINT snap_table;
      LOCK TABLE ONLY ${qualifiedName(table)} IN ACCESS SHARE MODE NOWAIT;
      RELEASE SAVEPOINT snap_table`)
    return true
  } catch (error) {
    if (!isSnapError(error, 'POSTGRES_LOCK_TIMEOUT')) throw error
    await worker.execute('ROLLBACK TO SAVEPOINT snap_table; RELEASE SAVEPOINT snap_table')
    return false
  }
}

async function captureTable(
  worker: Session,
  table: Relation,
  sink: ObjectSink,
  reporter: Reporter | undefined,
): Promise<ManifestRef> {
  const label = `${table.namespace}.${table.name}`
  const rows = await captureStream(worker.copyOut(copyOutStatement(table)), sink, (totals) =>
    emit(reporter, { kind: 'tableProgress', table: label, ...totals, isDone: false }),
  )
  const { rowCount, sizeBytes } = rows
  emit(reporter, { kind: 'tableProgress', table: label, rowCount, sizeBytes, isDone: true })
  return rows
}

async function finishCapture(
  exporter: Session,
  look: Look,
  rows: ReadonlyMap<string, ManifestRef>,
  sink: ObjectSink,
  { selection, unchangedRows, isScratch = false }: CaptureOptions,
): Promise<Capture> {
  const ofKind = (...kinds: Relation['kind'][]) =>
    look.relations.filter((relation) => kinds.includes(relation.kind))
  // Where the rows of a table are left out, so is the position they have been numbered up to.
  const sequences = await readSequenceStates(
    exporter,
    ofKind('sequence').filter(
      ({ ownedBy }) => ownedBy === null || !look.excludedData.has(nameKey(ownedBy)),
    ),
  )
  const withLargeObjects = isWholeDatabase(selection)
  const largeObjects = withLargeObjects ? await readLargeObjectEntries(exporter) : []

  const tree: Tree = {
    schema: await captureLines(look.schema.entries, encodeJsonLine, sink),
    tables: ofKind('table')
      .map(
        ({ namespace, name, columns, extension }): TableEntry => ({
          namespace,
          name,
          columns,
          extension,
          rows:
            rows.get(nameKey({ namespace, name })) ??
            unchangedRows?.get(qualifiedName({ namespace, name })) ??
            null,
        }),
      )
      .sort(byNamespaceAndName),
    materializedViews: ofKind('materializedView').map(({ namespace, name, isPopulated }) => ({
      namespace,
      name,
      isPopulated,
    })),
    sequences: await captureLines(sequences, encodeJsonLine, sink),
    largeObjects: {
      metadata: await captureLines(largeObjects, encodeJsonLine, sink),
      pages: await captureStream(
        largeObjects.length === 0 ? [] : exporter.copyOut(COPY_LARGE_OBJECT_PAGES),
        sink,
      ),
    },
  }

  // A fact of oid 0 is of no object that any catalog has; the rest of it holds all the same.
  const catalogFacts = isScratch
    ? look.schema.facts.map((fact) => ({ ...fact, oid: 0 }))
    : look.schema.facts
  return {
    tree,
    treeId: await sink.put('metadata', encodeTree(tree)),
    schema: look.schema.entries,
    relationNames: look.schema.relationNames,
    catalogFacts,
    catalog: await captureLines(catalogFacts, encodeJsonLine, sink),
    sequences,
    database: look.database,
    pgDumpVersion: look.schema.pgDumpVersion,
    migrations: await detectMigrations(exporter, ofKind('table')),
    notCaptured: [
      ...ofKind('foreignTable').map(({ namespace, name }) => ({
        kind: 'FOREIGN TABLE',
        name: `${namespace}.${name}`,
        reason: 'its rows live on a foreign server; the definition is captured',
      })),
      ...look.schema.notCaptured,
    ],
  }
}

/** One string for a qualified name; no identifier holds a NUL. */
function nameKey({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}\0${name}`
}

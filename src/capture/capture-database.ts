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
  TableRanges,
  TableState,
  Tree,
  WalBase,
} from '../format/values.ts'
import { inFamily, type ObjectSink } from '../objects/object-sink.ts'
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import { watchLocks } from '../postgres/lock-watch.ts'
import { pinSettings } from '../postgres/pinned-settings.ts'
import { qualifiedName } from '../postgres/quote.ts'
import { openSession, type Session } from '../postgres/session.ts'
import { RANGE_BLOCKS, RANGE_SCAN_SETTINGS, readBlockRanges } from './block-ranges.ts'
import { captureBatch, lockAtOnce } from './capture-batch.ts'
import { COPY_LARGE_OBJECT_PAGES, readLargeObjectEntries } from './capture-large-objects.ts'
import { type CapturedSchema, captureSchema, listTablesMatching } from './capture-schema.ts'
import { readSequenceStates } from './capture-sequences.ts'
import { captureLines, captureStream } from './capture-stream.ts'
import { captureWalBase } from './capture-wal-base.ts'
import { openConsistentSnapshot } from './consistent-snapshot.ts'
import { readDatabaseFacts } from './database-facts.ts'
import { DEFAULT_LOCK_TIMEOUT_MS, defaultJobs } from './default-jobs.ts'
import { detectMigrations } from './detect-migrations.ts'
import { byNamespaceAndName, listRelations, type Relation } from './list-relations.ts'
import {
  type CapturedRows,
  countStatements,
  planRanges,
  type RangePlan,
  readByRanges,
} from './read-by-ranges.ts'
import {
  coversWholeSchema,
  excludedDataArguments,
  isWholeDatabase,
  schemaArguments,
} from './selection.ts'
import { SharedReading } from './shared-reading.ts'
import { type SizedTable, sizeTables, TableQueue } from './table-batches.ts'
import { readTableStates, type TableStorage } from './table-states.ts'
import {
  type EarlierCommits,
  type FullReadReason,
  findBaseCommit,
  findUnreadTables,
  readAll,
  type UnreadTables,
} from './unread-tables.ts'
import {
  flushLog,
  readWalMark,
  readWalMoment,
  type WalMark,
  type WalMoment,
  type WalObstacle,
} from './wal-moment.ts'

export interface CaptureOptions {
  database: DatabaseAddress
  selection: Selection
  /** Rows that are in the sink and need not be read, by qualified table name. */
  unchangedRows?: ReadonlyMap<string, ManifestRef> | undefined
  /** Rows that have not changed since one of these were captured are taken from it; they are in the sink. */
  earlier?: EarlierCommits | undefined
  /** `all`: every table. `verified`: every table, and what would not have been read is compared. Default `changed`. */
  reading?: 'changed' | 'all' | 'verified' | undefined
  /** A commit will hold it, and the next capture should know well what has changed since. Default false. */
  isBase?: boolean | undefined
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
  /** What a later capture can tell changes by; undefined where the server cannot. */
  walBase: WalBase | undefined
  reading: Reading
}

/** Which tables were read, and why. */
export interface Reading {
  /** The commit that rows were taken from unread; null where every table was read. */
  baseId: ObjectId | null
  /** Why every table was read; null where it was known what had changed. */
  reason: FullReadReason | null
  /** `namespace.name` of the tables whose rows were taken from `baseId`. */
  unreadTables: string[]
  /** `namespace.name` of tables of which only what has changed since `baseId` was read. */
  partlyReadTables: string[]
  /** `namespace.name` of tables that were taken for unchanged and, read to verify that, were not. */
  mismatches: string[]
}

/** What the exporting connection saw at the snapshot. */
interface Look {
  tables: Relation[]
  exportedSnapshot: string
  relations: Relation[]
  schema: CapturedSchema
  excludedData: ReadonlySet<string>
  database: Commit['database']
  log: WalLook | WalObstacle
}

/** Where the log stood at the snapshot, and the states of all tables that it tells changes of. */
interface WalLook {
  moment: WalMoment
  states: ReadonlyMap<string, TableStorage>
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
    // Without an earlier position to fall back on, it is worth a moment to find one of its own.
    const isBase = options.isBase ?? false
    const isPatient =
      isBase && !options.earlier?.commits.some(({ commit }) => commit.walBase !== undefined)
    const isSharp = isBase && options.reading !== 'all'
    const mark = await readWalMark(exporter, { isPatient, isSharp })
    const look = await watchLocks(exporter, watch, () => takeSnapshot(exporter, mark, options))
    await options.inspect?.(exporter, look.schema)
    throwIfAborted(signal, 'capture')

    const unread = await chooseUnread(look.log, options)
    warnOfFullRead(unread, reporter)
    const known = new Map([
      ...(options.unchangedRows ?? []),
      ...(options.reading === 'verified' ? [] : unread.rows),
    ])
    const withRows = look.tables.filter(
      (table) => table.kind === 'table' && !look.excludedData.has(nameKey(table)),
    )
    const toRead = withRows.filter((table) => !known.has(qualifiedName(table)))
    const plans = new Map<string, RangePlan>()
    for (const [table, ranges] of await readBlockRanges(exporter, toRead)) {
      const former = unread.changed.get(qualifiedName(table))
      plans.set(nameKey(table), planRanges(ranges, former, options.earlier?.objects))
    }
    const statementCounts = toRead.map((table) => {
      const plan = plans.get(nameKey(table))
      return plan === undefined ? 1 : countStatements(plan)
    })
    const workerCount = Math.min(options.jobs ?? defaultJobs(), sum(statementCounts))
    await Promise.all(
      Array.from({ length: workerCount }, async () => {
        const worker = await openCaptureSession(options)
        workers.push(worker)
        await worker.execute(
          `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '${look.exportedSnapshot}';${RANGE_SCAN_SETTINGS}`,
        )
      }),
    )

    emit(reporter, { kind: 'phaseStarted', phase: 'captureRows' })
    const read = await captureTables(
      { exporter, workers },
      { tables: toRead, plans },
      sink,
      options,
    )
    const rows = new Map([...read].map(([key, captured]) => [key, captured.rows]))
    for (const table of withRows) {
      const manifest = known.get(qualifiedName(table))
      if (manifest !== undefined) rows.set(nameKey(table), manifest)
    }
    const capture = await finishCapture(exporter, look, rows, sink, options)
    return {
      ...capture,
      walBase: await noteWalBase(
        exporter,
        look.log,
        { tree: capture.tree, read, unread },
        sink,
        options,
      ),
      reading: describeReading(withRows, read, unread, options),
    }
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

/** Tables that need not be read, as far as anybody asked. */
async function chooseUnread(
  log: WalLook | WalObstacle,
  { earlier, reading, database, signal }: CaptureOptions,
): Promise<UnreadTables> {
  if (reading === 'all') return readAll('asked')
  if (typeof log === 'string') return readAll(log)
  if (earlier === undefined) return readAll('noBase')
  return findUnreadTables(earlier, { ...log, database, signal })
}

/** Says why everything is read where the server was set up to tell what has changed. */
function warnOfFullRead({ reason }: UnreadTables, reporter: Reporter | undefined): void {
  const detail = reason === null ? undefined : DISAPPOINTMENTS[reason]
  if (detail === undefined) return
  emit(reporter, {
    kind: 'warning',
    code: 'EVERY_TABLE_READ',
    subject: 'every table is read',
    detail,
  })
}

const DISAPPOINTMENTS: Partial<Record<FullReadReason, string>> = {
  mayNotCheckpoint:
    'WAL summaries would tell what has changed, but end with a checkpoint, which this role may not ask for; GRANT pg_checkpoint to it',
  logUnreadable: 'this role may not call the functions that read WAL summaries',
  summarizerBehind: "the server's WAL summarizer does not keep up, or does not run",
  summariesMissing:
    'WAL summaries since the last commit are missing; wal_summary_keep_time may be too short',
  failed: 'what has changed could not be found out',
}

/** What a later capture can tell changes by, if what this one saw can no longer be lost in a crash. */
async function noteWalBase(
  exporter: Session,
  log: WalLook | WalObstacle,
  {
    tree,
    read,
    unread,
  }: { tree: Tree; read: ReadonlyMap<string, CapturedRows>; unread: UnreadTables },
  sink: ObjectSink,
  { earlier, unchangedRows, isBase, signal }: CaptureOptions,
): Promise<WalBase | undefined> {
  if (isBase !== true || typeof log === 'string') return undefined
  const { moment, states } = log
  const former = earlier === undefined ? undefined : findBaseCommit(earlier, moment)
  const settledLsn = moment.settledLsn ?? former?.walBase.settledLsn
  if (settledLsn === undefined) return undefined
  try {
    await flushLog(exporter, moment)
  } catch (error) {
    // The next capture then has to read everything; this one is none the worse.
    throwIfAborted(signal, 'capture')
    if (isSnapError(error)) return undefined
    throw error
  }
  const noted = tree.tables.flatMap((table): TableState[] => {
    const qualified = qualifiedName(table)
    const state = states.get(qualified)
    if (table.rows === null || table.extension !== null || state === undefined) return []
    // These may lie in the table in another order than the one they were read in.
    if (unchangedRows?.has(qualified) && !unread.rows.has(qualified)) return []
    const { namespace, name, stateId } = state
    return [{ namespace, name, stateId }]
  })
  const ranges = noted.flatMap((table) => {
    const captured = read.get(nameKey(table))
    const sizesBytes =
      captured === undefined
        ? unread.rangeSizesBytes.get(qualifiedName(table))
        : captured.rangeSizesBytes
    return sizesBytes == null ? [] : describeRanges(table, sizesBytes)
  })
  const { serverStartedAt } = moment
  return captureWalBase({ serverStartedAt, settledLsn }, { states: noted, ranges }, sink)
}

/** Short lines, so that those of ranges that have not changed are in chunks that are stored already. */
function describeRanges(
  { namespace, name }: TableState,
  sizesBytes: readonly number[],
): TableRanges[] {
  const lineCount = Math.ceil(sizesBytes.length / RANGES_PER_LINE)
  return Array.from({ length: lineCount }, (_, line) => {
    const firstRange = line * RANGES_PER_LINE
    return {
      namespace,
      name,
      blockCount: RANGE_BLOCKS,
      firstRange,
      sizesBytes: sizesBytes.slice(firstRange, firstRange + RANGES_PER_LINE),
    }
  })
}

const RANGES_PER_LINE = 256

function describeReading(
  tables: readonly Relation[],
  read: ReadonlyMap<string, CapturedRows>,
  { rows, baseId, reason }: UnreadTables,
  { reading }: CaptureOptions,
): Reading {
  const unread = tables.filter((table) => rows.has(qualifiedName(table)))
  const spliced = tables.filter((table) => read.get(nameKey(table))?.spliced)
  if (reading !== 'verified') {
    return {
      baseId,
      reason,
      unreadTables: unread.map(label),
      partlyReadTables: spliced.map(label),
      mismatches: [],
    }
  }
  const mismatches = [...unread, ...spliced].filter((table) => {
    const captured = read.get(nameKey(table))
    const expected = rows.get(qualifiedName(table)) ?? captured?.spliced
    return captured?.rows.rootId !== expected?.rootId
  })
  return {
    baseId: null,
    reason: reason ?? 'asked',
    unreadTables: [],
    partlyReadTables: [],
    mismatches: mismatches.map(label),
  }
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)

const label = ({ namespace, name }: Relation) => `${namespace}.${name}`

function takeSnapshot(
  exporter: Session,
  mark: WalMark | WalObstacle,
  options: CaptureOptions,
): Promise<Look> {
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
    const log =
      typeof mark === 'string'
        ? mark
        : {
            moment: await readWalMoment(exporter, mark),
            states: await readTableStates(exporter),
          }
    return {
      log,
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
 * Reads tables with all workers, the largest first so that no worker ends alone with the largest: what
 * has ranges is read by whoever is free, and small ones several at a time.
 *
 * A migration that waits for one of them keeps the workers out: a lock request
 * queues behind every request before it. Waiting would be for ever, because the
 * migration itself waits for the exporter. So workers do not wait, and what they
 * cannot have the exporter reads, which holds all the locks already.
 */
async function captureTables(
  { exporter, workers }: { exporter: Session; workers: readonly Session[] },
  { tables, plans }: { tables: readonly Relation[]; plans: ReadonlyMap<string, RangePlan> },
  sink: ObjectSink,
  { reporter, signal, reading }: CaptureOptions,
): Promise<Map<string, CapturedRows>> {
  emit(reporter, {
    kind: 'tablesPlanned',
    tableCount: tables.length,
    estimatedSizeBytes: sum(tables.map((table) => table.estimatedSizeBytes)),
  })

  const captured = new Map<string, CapturedRows>()
  const onCaptured = (table: Relation, rows: ManifestRef) =>
    captured.set(nameKey(table), { rows, rangeSizesBytes: null, spliced: null })
  const sized = tables.length === 0 ? [] : await sizeTables(exporter, tables)
  const isLarge = ({ table }: SizedTable) => plans.has(nameKey(table))
  const large = sized.filter(isLarge).map(({ table }) => table)
  const small = sized.filter((each) => !isLarge(each))
  const queue = new TableQueue(small, workers.length)
  const shared = new SharedReading(
    async (session, table) => (await lockAtOnce(session, [table])).length > 0,
  )
  let failure: unknown
  const attempt = async (work: () => Promise<void>) => {
    try {
      throwIfAborted(signal, 'capture')
      await work()
    } catch (error) {
      failure ??= error
      large.length = 0
      queue.stop()
      shared.fail(error)
    }
  }

  const readLarge = async (worker: Session, table: Relation) => {
    if ((await lockAtOnce(worker, [table])).length === 0) return
    const progress = ({ rowCount, sizeBytes }: RowTotals, isDone: boolean) =>
      emit(reporter, { kind: 'tableProgress', table: label(table), rowCount, sizeBytes, isDone })
    const result = await readByRanges(
      shared,
      { session: worker, table },
      plans.get(nameKey(table))!,
      {
        sink: inFamily(sink, qualifiedName(table)),
        onProgress: (totals) => progress(totals, false),
        isVerified: reading === 'verified',
      },
    )
    captured.set(nameKey(table), result)
    progress(result.rows, true)
  }
  const readOwn = async (worker: Session) => {
    for (let table = large.shift(); table !== undefined; table = large.shift()) {
      const next = table
      await attempt(() => readLarge(worker, next))
    }
    for (let batch = queue.take(); batch.length > 0; batch = queue.take()) {
      const next = batch
      await attempt(async () => {
        const locked = await lockAtOnce(worker, next)
        if (locked.length > 0) await captureBatch(worker, locked, sink, { onCaptured, reporter })
      })
    }
  }
  await Promise.all(
    workers.map((worker) => attempt(() => shared.work(worker, () => readOwn(worker)))),
  )
  const contended = sized.filter(({ table }) => !captured.has(nameKey(table)))
  const rest = new TableQueue(failure === undefined ? contended : [], 1)
  for (let batch = rest.take(); batch.length > 0; batch = rest.take()) {
    throwIfAborted(signal, 'capture')
    await captureBatch(exporter, batch, sink, { onCaptured, reporter })
  }
  if (failure !== undefined) throw failure
  return captured
}

type RowTotals = Pick<ManifestRef, 'rowCount' | 'sizeBytes'>

async function finishCapture(
  exporter: Session,
  look: Look,
  rows: ReadonlyMap<string, ManifestRef>,
  sink: ObjectSink,
  { selection, isScratch = false }: CaptureOptions,
): Promise<Omit<Capture, 'walBase' | 'reading'>> {
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
          rows: rows.get(nameKey({ namespace, name })) ?? null,
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

/**
 * Restores what files of rows hold, into tables as a commit defines them.
 *
 * Definitions come first and whole; then rows, with triggers and foreign keys
 * asleep (a row of that time is as its file has it, and tables come in any
 * order); then foreign keys among what was loaded are checked. Rows that do not
 * fit are found in all files before anything is refused.
 */
import { isSnapError, SnapError, throwIfAborted } from '../errors.ts'
import type { Reporter } from '../events.ts'
import type { SchemaEntry, SequenceState } from '../format/values.ts'
import {
  type LoadOptions,
  loadRows,
  MAX_LISTED,
  prepareLoad,
  type RejectedRow,
} from '../load/load-rows.ts'
import { delimiterHint, type LoadPlan } from '../load/plan-load.ts'
import { type RowOptions, readRecords } from '../load/read-records.ts'
import type { Records } from '../load/records.ts'
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import { qualifiedName, quoteIdentifier, quoteLiteral } from '../postgres/quote.ts'
import { openSession, type Session } from '../postgres/session.ts'
import { setSequences } from '../restore/set-sequences.ts'
import { runStatements } from '../restore/statement.ts'
import { deleteOrphans, listForeignKeys, readOrphans } from './check-foreign-keys.ts'
import { readDumpFile } from './dump-bytes.ts'
import { unreadable } from './dump-error.ts'
import { ensureRoles, rolesNamedIn } from './dump-roles.ts'
import { BEGIN_CREATION, planScratchCreation } from './plan-scratch-creation.ts'
import { EXTENSION_HINT } from './restore-plain.ts'
import type { TableExport, TableFile } from './table-export.ts'

/** What the tables are, of a commit. */
export interface BaseSchema {
  entries: readonly SchemaEntry[]
  sequences: readonly SequenceState[]
}

export interface TableRestoreOptions extends RowOptions {
  /** What a time without a zone is in. */
  timeZone: string
  /** Leaves rows out that do not fit. */
  allowsRejected: boolean
  /** Takes each row that is left out, in the order of the files; those of broken foreign keys behind the others. */
  keepRejected: (row: RejectedFileRow) => Promise<void>
  makesRoles: boolean
  reporter?: Reporter | undefined
  signal?: AbortSignal | undefined
}

export interface LoadedTable {
  file: string
  namespace: string
  name: string
  rowCount: number
  /** Columns of the table that the file has not: in each row they are as the table says by itself. */
  missingColumns: string[]
}

export interface RejectedFileRow {
  file: string
  /** Null where a foreign key is broken, which is told of the table. */
  rowNumber: number | null
  /** Null where its format has no lines, too. */
  lineNumber: number | null
  column: string | null
  value: string | null
  reason: string
  record: Record<string, string | null>
}

export interface RestoredTables {
  tables: LoadedTable[]
  /** Tables of the above and their partitions. */
  relations: { namespace: string; name: string }[]
  rejectedCount: number
  /** The first of them, no more than a thousand. */
  rejected: RejectedFileRow[]
  /** Foreign keys into tables that no file is for. */
  uncheckedForeignKeys: string[]
}

/**
 * @param named  the table of each file, at the same position
 * @throws LOAD_COLUMNS_WRONG  columns of some files are none of their tables
 * @throws LOAD_REJECTED       rows do not fit, and are not to be left out
 * @throws DUMP_UNREADABLE     the definitions cannot be made on this server
 */
export async function restoreTables(
  database: DatabaseAddress,
  base: BaseSchema,
  source: TableExport,
  named: readonly { namespace: string; name: string }[],
  options: TableRestoreOptions,
): Promise<RestoredTables> {
  const { signal } = options
  const session = await openSession(database, signal === undefined ? {} : { signal })
  try {
    await createTables(session, base, source, options)
    // For the sessions of the loads; of a database that is dropped in the end.
    const setRole = (value: string) =>
      session.execute(
        `ALTER DATABASE ${quoteIdentifier(database.databaseName)} SET session_replication_role = ${value}`,
      )
    await setRole('replica').catch((error) => {
      if (!isSnapError(error)) throw error
      throw unreadable(
        source.file,
        `triggers cannot be kept from running: ${error.message}`,
        'leave out --scratch, or name a superuser of that server in it',
        error,
      )
    })
    const loads = await planLoads(database, source, named, options)
    const rejected = new RejectedFileRows(options)
    const tables: LoadedTable[] = []
    for (const load of loads) {
      throwIfAborted(signal, 'importing')
      tables.push(await loadFile(database, load, rejected))
    }
    const keys = await checkForeignKeys(session, loads, options, rejected)
    for (const table of tables) table.rowCount -= keys.deletedCounts.get(table.file) ?? 0
    if (rejected.count > 0 && !options.allowsRejected) throw rejected.error()
    await setRole('DEFAULT')
    const relations = await listWithPartitions(session, keys.oids)
    return {
      tables,
      relations,
      rejectedCount: rejected.count,
      rejected: rejected.listed,
      uncheckedForeignKeys: keys.unchecked,
    }
  } finally {
    await session.close()
  }
}

async function createTables(
  session: Session,
  { entries, sequences }: BaseSchema,
  { file }: TableExport,
  { makesRoles }: TableRestoreOptions,
): Promise<void> {
  if (makesRoles) {
    await ensureRoles(
      session,
      entries.flatMap(({ owner }) => (owner === null || owner === '' ? [] : [owner])),
    )
    for (const { definition } of entries) {
      if (definition === null || !/\b(?:TO|FROM|FOR)\b/i.test(definition)) continue
      await ensureRoles(session, await rolesNamedIn(definition))
    }
  }
  const [user] = await session.query<{ name: string }>('SELECT current_user::text AS name')
  const currentUser = user!.name
  const creation = planScratchCreation(entries, session, { currentUser, makesRoles })
  try {
    await session.execute(BEGIN_CREATION)
    await runStatements(session, creation.beforeRows)
    await setSequences(session, sequences)
    await runStatements(session, creation.afterRows)
    await runStatements(session, creation.privileges)
    await runStatements(session, creation.eventTriggers)
    await session.execute('COMMIT')
  } catch (error) {
    if (!isSnapError(error) || isSnapError(error, 'ABORTED')) throw error
    const reason = `its tables cannot be made: ${error.message}`
    throw unreadable(file, reason, error.hint ?? EXTENSION_HINT, error)
  }
}

interface FileLoad {
  source: TableFile
  records: Records
  plan: LoadPlan
  options: LoadOptions
}

/** Columns of all files are looked at before any row is loaded. */
async function planLoads(
  database: DatabaseAddress,
  { file, tables }: TableExport,
  named: readonly { namespace: string; name: string }[],
  options: TableRestoreOptions,
): Promise<FileLoad[]> {
  const loads: FileLoad[] = []
  const wrong: SnapError<'LOAD_COLUMNS_WRONG'>[] = []
  const problems: string[] = []
  for (const [position, source] of tables.entries()) {
    const open = () => readDumpFile(source.path, source.compression, source.file)
    const records = await readRecords({ path: source.file, open }, source.format, options)
    const loadOptions: LoadOptions = {
      table: qualifiedName(named[position]!),
      map: [],
      ignore: [],
      key: undefined,
      skipsExisting: false,
      timeZone: options.timeZone,
      isDryRun: false,
      // What is left out is decided when all files are in; that a file is not of its table, before.
      allowsRejected: true,
      maxRejectedCount: options.allowsRejected ? undefined : MAX_LISTED,
      reporter: options.reporter,
      signal: options.signal,
    }
    try {
      const plan = await prepareLoad(database, records, loadOptions)
      loads.push({ source, records, plan, options: loadOptions })
    } catch (error) {
      if (!isSnapError(error, 'LOAD_COLUMNS_WRONG')) throw error
      wrong.push(error)
      problems.push(...error.data.problems.map((problem) => `${source.file}: ${problem}`))
    }
  }
  if (wrong.length === 0) return loads
  const { fileColumns, tableColumns } = wrong[0]!.data
  throw new SnapError(
    'LOAD_COLUMNS_WRONG',
    `cannot import '${file}': columns do not fit`,
    { problems, fileColumns, tableColumns },
    {
      cause: wrong[0],
      hint:
        delimiterHint(fileColumns) ??
        'name a commit whose tables have these columns with --schema-from, or rename them in the files',
    },
  )
}

async function loadFile(
  database: DatabaseAddress,
  { source: { file }, records, plan, options }: FileLoad,
  rejected: RejectedFileRows,
): Promise<LoadedTable> {
  const onRejected = async (rows: AsyncIterable<RejectedRow>) => {
    for await (const row of rows) await rejected.add(toFileRow(file, records.columns, row))
  }
  const { rowCount, rejectedCount } = await loadRows(database, records, plan, {
    ...options,
    onRejected,
  }).catch((error) => {
    throw isSnapError(error, 'LOAD_REJECTED') ? tooManyRejected(file, error) : error
  })
  const { namespace, name, columns } = plan.table
  const given = new Set(plan.columns.map((column) => column?.name))
  const missingColumns = columns
    .filter((column) => !records.isEmpty && !column.isGenerated && !given.has(column.name))
    .map((column) => column.name)
  return { file, namespace, name, rowCount: rowCount - rejectedCount, missingColumns }
}

function toFileRow(
  file: string,
  columns: readonly string[],
  { values, ...row }: RejectedRow,
): RejectedFileRow {
  const pairs = values.map((value, position) => [columns[position] ?? `${position + 1}`, value])
  return { file, ...row, record: Object.fromEntries(pairs) }
}

/** A row that is left out may have been what another refers to: until all hold. */
async function checkForeignKeys(
  session: Session,
  loads: readonly FileLoad[],
  { allowsRejected }: TableRestoreOptions,
  rejected: RejectedFileRows,
): Promise<{ oids: number[]; unchecked: string[]; deletedCounts: Map<string, number> }> {
  const deletedCounts = new Map<string, number>()
  const oidOf = async (table: string) => {
    const [row] = await session.query<{ oid: number }>(
      `SELECT ${quoteLiteral(table)}::regclass::oid AS oid`,
    )
    return row!.oid
  }
  const files = new Map<number, string>()
  for (const { plan, source } of loads) {
    files.set(await oidOf(qualifiedName(plan.table)), source.file)
  }
  const oids = [...files.keys()]
  const keys = await listForeignKeys(session, oids)
  const isChecked = (key: (typeof keys)[number]) => key.isPlain && key.isReferencedIn
  for (let found = true; found; ) {
    found = false
    for (const key of keys.filter(isChecked)) {
      const file = files.get(await oidOf(key.table))!
      const column = key.columns.length === 1 ? key.columns[0]! : null
      const reason = `refers to a row that is not in ${key.referencedTable} (${key.name})`
      let orphanCount = 0
      for await (const { value, record } of readOrphans(session, key)) {
        orphanCount += 1
        await rejected.add({
          file,
          rowNumber: null,
          lineNumber: null,
          column,
          value,
          reason,
          record,
        })
      }
      if (orphanCount === 0 || !allowsRejected) continue
      await deleteOrphans(session, key)
      deletedCounts.set(file, (deletedCounts.get(file) ?? 0) + orphanCount)
      found = true
    }
  }
  const unchecked = keys
    .filter((key) => !isChecked(key))
    .map((key) => `${key.name} of ${key.table}, into ${key.referencedTable}`)
  return { oids, unchecked, deletedCounts }
}

function listWithPartitions(
  session: Session,
  oids: readonly number[],
): Promise<{ namespace: string; name: string }[]> {
  return session.query(
    `SELECT DISTINCT n.nspname AS namespace, c.relname AS name
       FROM unnest($1::oid[]) AS given(oid)
       LEFT JOIN LATERAL pg_catalog.pg_partition_tree(given.oid) AS part ON true
       JOIN pg_catalog.pg_class c ON c.oid = coalesce(part.relid, given.oid)
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY 1, 2`,
    [`{${oids.join(',')}}`],
  )
}

/** All of them are counted, the first are listed, and those that are left out handed on. */
class RejectedFileRows {
  readonly listed: RejectedFileRow[] = []
  readonly #keep: ((row: RejectedFileRow) => Promise<void>) | undefined
  #count = 0

  constructor({
    allowsRejected,
    keepRejected,
  }: Pick<TableRestoreOptions, 'allowsRejected' | 'keepRejected'>) {
    this.#keep = allowsRejected ? keepRejected : undefined
  }

  get count(): number {
    return this.#count
  }

  async add(row: RejectedFileRow): Promise<void> {
    this.#count += 1
    if (this.listed.length < MAX_LISTED) this.listed.push(row)
    await this.#keep?.(row)
  }

  error(): SnapError {
    return new SnapError(
      'LOAD_REJECTED',
      `nothing was imported: ${this.#count} ${this.#count === 1 ? 'row does' : 'rows do'} not fit`,
      { rejected: this.listed.map(({ record: _, ...row }) => row) },
      {
        hint: 'put the rows right, or leave them out and have them written apart with --reject FILE',
      },
    )
  }
}

function tooManyRejected(file: string, cause: SnapError<'LOAD_REJECTED'>): SnapError {
  return new SnapError(
    'LOAD_REJECTED',
    `nothing was imported: more than ${MAX_LISTED} rows of '${file}' do not fit`,
    { rejected: cause.data.rejected.map((row) => ({ ...row, file })) },
    {
      cause,
      hint: 'see whether it is of that table (--table FILE=TABLE, --schema-from REVISION), or leave such rows out with --reject FILE',
    },
  )
}

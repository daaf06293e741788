/**
 * Loads rows of a file into a table, all of them in one transaction.
 *
 * The rows go into a temporary table of text first, at the speed of COPY, and
 * from there into the table by one statement. Only if the server refuses that is
 * it cut in halves, again and again, until each row that is at fault stands
 * alone: so that any reason for which a server refuses a row (a cast, a check, a
 * foreign key, a trigger) is told of the row, in the server's words.
 */
import { isSnapError, SnapError, throwIfAborted } from '../errors.ts'
import { emit, type Reporter } from '../events.ts'
import { encodeField } from '../format/copy-text.ts'
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import { qualifiedName, quoteIdentifier, quoteLiteral } from '../postgres/quote.ts'
import { openSession, type Session } from '../postgres/session.ts'
import { type LoadPlan, type LoadWishes, planLoad } from './plan-load.ts'
import { formatJson, JsonNumber } from './read-json.ts'
import type { FileRecord, Records } from './records.ts'
import { readTargetTable } from './target-table.ts'

export interface LoadOptions extends LoadWishes {
  /** As SQL writes it. */
  table: string
  /** What a time without a zone is in. */
  timeZone: string
  isDryRun: boolean
  /** Loads the rows that fit even when others do not. */
  allowsRejected: boolean
  lockTimeoutMs?: number | undefined
  reporter?: Reporter | undefined
  signal?: AbortSignal | undefined
}

export interface RejectedRow {
  rowNumber: number
  /** Of the file, where it is known which. */
  column: string | null
  value: string | null
  reason: string
  /** All values of the row, in the order of the file's columns. */
  values: (string | null)[]
}

export interface LoadResult {
  table: string
  key: string[] | null
  rowCount: number
  insertedCount: number
  updatedCount: number
  /** Rows that are there as the file has them. */
  unchangedCount: number
  /** Rows whose key was there, with `skipsExisting`. */
  skippedCount: number
  /** In the order of the file. */
  rejected: RejectedRow[]
  isCommitted: boolean
}

/** More are not looked for one by one. */
const MAX_REJECTED = 1_000

/**
 * Plans a load by the columns of the file and the table; reads no row and changes nothing.
 *
 * @throws LOAD_COLUMNS_WRONG, PATTERN_UNMATCHED, USAGE, POSTGRES_*
 */
export async function prepareLoad(
  address: DatabaseAddress,
  records: Pick<Records, 'columns'>,
  options: LoadOptions,
): Promise<LoadPlan> {
  const session = await openSession(address, sessionOptions(options))
  try {
    return planLoad(await readTargetTable(session, options.table), records.columns, options)
  } finally {
    await session.close()
  }
}

/**
 * Loads. When it returns with `isCommitted`, the rows are in the table; otherwise nothing is.
 *
 * While it runs others may read the table, and not write it.
 *
 * @throws LOAD_REJECTED  more rows than can be told one by one do not fit
 */
export async function loadRows(
  address: DatabaseAddress,
  records: Records,
  plan: LoadPlan,
  options: LoadOptions,
): Promise<LoadResult> {
  const session = await openSession(address, sessionOptions(options))
  try {
    return await new Load(session, records, plan, options).run()
  } finally {
    // What is not committed is rolled back with it.
    await session.close()
  }
}

function sessionOptions({ lockTimeoutMs, signal }: LoadOptions) {
  return {
    applicationName: 'snap load',
    ...(lockTimeoutMs === undefined ? {} : { lockTimeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  }
}

interface Counts {
  rowCount: number
  existingCount: number
  changedCount: number
}

class Load {
  readonly #session: Session
  readonly #records: Records
  readonly #plan: LoadPlan
  readonly #options: LoadOptions
  readonly #rejected = new Map<number, RejectedRow>()
  #lastRowNumber = 0

  constructor(session: Session, records: Records, plan: LoadPlan, options: LoadOptions) {
    this.#session = session
    this.#records = records
    this.#plan = plan
    this.#options = options
  }

  async run(): Promise<LoadResult> {
    const { isDryRun, allowsRejected, timeZone, skipsExisting } = this.#options
    const { table, key } = this.#plan
    const session = this.#session
    await session.execute('BEGIN')
    await session.execute(`SET LOCAL TimeZone = ${quoteLiteral(timeZone)}`)
    // 03/04/2024 is refused rather than guessed at.
    await session.execute("SET LOCAL DateStyle = 'ISO, YMD'")
    await session.execute(`LOCK TABLE ${qualifiedName(table)} IN SHARE ROW EXCLUSIVE MODE`)
    await this.#fillTextTable()
    await session.execute('SET CONSTRAINTS ALL IMMEDIATE')
    const counts = await this.#insertAll()
    const rejected = [...this.#rejected.values()].sort((a, b) => a.rowNumber - b.rowNumber)
    const isCommitted = !isDryRun && (rejected.length === 0 || allowsRejected)
    await session.execute(isCommitted ? 'COMMIT' : 'ROLLBACK')
    const { rowCount, existingCount, changedCount } = counts
    const insertedCount = rowCount - existingCount
    const updatedCount = changedCount - insertedCount
    return {
      table: `${table.namespace}.${table.name}`,
      key,
      rowCount: this.#lastRowNumber,
      insertedCount,
      updatedCount,
      unchangedCount: skipsExisting ? 0 : existingCount - updatedCount,
      skippedCount: skipsExisting ? existingCount : 0,
      rejected,
      isCommitted,
    }
  }

  async #fillTextTable(): Promise<void> {
    const names = this.#plan.columns.map((_, position) => `c${position} text`)
    await this.#session.execute(
      `CREATE TEMPORARY TABLE snap_load (row_number bigint, ${names.join(', ')}) ON COMMIT DROP`,
    )
    const copy = 'COPY pg_temp.snap_load FROM STDIN'
    await this.#session.copyIn(copy, this.#encodeRows())
    await this.#session.execute('ALTER TABLE pg_temp.snap_load ADD PRIMARY KEY (row_number)')
    await this.#session.execute('ANALYZE pg_temp.snap_load')
  }

  async *#encodeRows(): AsyncGenerator<Uint8Array> {
    const { signal, reporter, table } = this.#options
    let lines: string[] = []
    let [length, sizeBytes] = [0, 0]
    const flush = () => {
      const bytes = Buffer.from(lines.join(''), 'latin1')
      lines = []
      length = 0
      sizeBytes += bytes.length
      const rowCount = this.#lastRowNumber
      emit(reporter, { kind: 'tableProgress', table, rowCount, sizeBytes, isDone: false })
      return bytes
    }
    for await (const record of this.#records.rows) {
      throwIfAborted(signal, 'loading')
      this.#lastRowNumber = record.rowNumber
      const line = this.#encodeRow(record)
      if (line === undefined) continue
      lines.push(line)
      length += line.length
      if (length >= PIECE_BYTES) yield flush()
    }
    if (lines.length > 0) yield flush()
  }

  #encodeRow({ rowNumber, values, problem }: FileRecord): string | undefined {
    const texts = values.map((value, position) =>
      toText(value, this.#plan.columns[position]?.isArray === true),
    )
    const zeroAt = texts.findIndex((text) => text?.includes('\0'))
    if (problem !== null || zeroAt !== -1) {
      this.#reject({
        rowNumber,
        column: zeroAt === -1 ? null : this.#records.columns[zeroAt]!,
        value: zeroAt === -1 ? null : texts[zeroAt]!,
        reason: problem ?? 'has a zero byte, which no text can hold',
        values: texts,
      })
      return undefined
    }
    return `${rowNumber}\t${texts.map((text) => encodeField(text)).join('\t')}\n`
  }

  #reject(row: RejectedRow): void {
    this.#rejected.set(row.rowNumber, row)
    if (this.#rejected.size <= MAX_REJECTED) return
    throw rejectedError([...this.#rejected.values()], `more than ${MAX_REJECTED}`)
  }

  /** Two rows of the file with one key are found when all others are in: only then is every key one. */
  async #insertAll(): Promise<Counts> {
    for (;;) {
      await this.#session.execute('SAVEPOINT snap_all')
      const counts = await this.#insertRange(1, this.#lastRowNumber)
      const repeated = await this.#findRepeatedKeys()
      if (repeated.length === 0) return counts
      await this.#session.execute('ROLLBACK TO SAVEPOINT snap_all')
      for (const { row, first } of repeated) {
        const values = await this.#readRow(row)
        const reason = `has the same key as row ${first}`
        this.#reject({ rowNumber: row, column: null, value: null, reason, values })
      }
      const numbers = [...this.#rejected.keys()].join(', ')
      await this.#session.execute(`DELETE FROM pg_temp.snap_load WHERE row_number IN (${numbers})`)
    }
  }

  /** @returns  counts of the rows that are in; those that are not are among the rejected */
  async #insertRange(from: number, to: number): Promise<Counts> {
    const none = { rowCount: 0, existingCount: 0, changedCount: 0 }
    if (from > to) return none
    throwIfAborted(this.#options.signal, 'loading')
    await this.#session.execute('SAVEPOINT snap_range')
    try {
      const [row] = await this.#session.query<Record<keyof Counts, number>>(
        insertStatement(this.#plan, this.#options.skipsExisting),
        [from, to],
      )
      await this.#session.execute('RELEASE SAVEPOINT snap_range')
      return row!
    } catch (error) {
      if (!isRowFault(error)) throw error
      await this.#session.execute('ROLLBACK TO SAVEPOINT snap_range; RELEASE SAVEPOINT snap_range')
      if (from === to) {
        await this.#rejectRow(from, error)
        return none
      }
    }
    const middle = Math.floor((from + to) / 2)
    const [left, right] = [
      await this.#insertRange(from, middle),
      await this.#insertRange(middle + 1, to),
    ]
    return {
      rowCount: left.rowCount + right.rowCount,
      existingCount: left.existingCount + right.existingCount,
      changedCount: left.changedCount + right.changedCount,
    }
  }

  async #rejectRow(rowNumber: number, error: SnapError): Promise<void> {
    const values = await this.#readRow(rowNumber)
    const position = await this.#findBadCast(values)
    this.#reject({
      rowNumber,
      column: position === -1 ? null : this.#records.columns[position]!,
      value: position === -1 ? null : values[position]!,
      reason: error.message,
      values,
    })
  }

  async #readRow(rowNumber: number): Promise<(string | null)[]> {
    const [row] = await this.#session.query<Record<string, string | null>>(
      'SELECT * FROM pg_temp.snap_load WHERE row_number = $1',
      [rowNumber],
    )
    return this.#plan.columns.map((_, position) => row?.[`c${position}`] ?? null)
  }

  /** The server does not say which column a value that cannot be cast is for. */
  async #findBadCast(values: readonly (string | null)[]): Promise<number> {
    for (const [position, column] of this.#plan.columns.entries()) {
      if (column === null || values[position] === null) continue
      await this.#session.execute('SAVEPOINT snap_cast')
      try {
        await this.#session.query(`SELECT $1::text::${column.castType}`, [values[position]])
      } catch (error) {
        if (!isRowFault(error)) throw error
        return position
      } finally {
        await this.#session.execute('ROLLBACK TO SAVEPOINT snap_cast; RELEASE SAVEPOINT snap_cast')
      }
    }
    return -1
  }

  async #findRepeatedKeys(): Promise<{ row: number; first: number }[]> {
    const { key } = this.#plan
    if (key === null) return []
    const list = [...this.#rejected.keys()].join(', ') || '0'
    const values = key.map((name) => castOf(this.#plan, name)).join(', ')
    const notNull = key.map((name) => `${castOf(this.#plan, name)} IS NOT NULL`).join(' AND ')
    // MATERIALIZED: no cast may be tried on a rejected row.
    return this.#session.query(
      `WITH taken AS MATERIALIZED (SELECT * FROM pg_temp.snap_load WHERE row_number NOT IN (${list}))
       SELECT row_number::float8 AS row, first::float8 AS first FROM (
         SELECT row_number, min(row_number) OVER (PARTITION BY ${values}) AS first
           FROM taken WHERE ${notNull}) AS numbered
        WHERE row_number > first ORDER BY 1 LIMIT ${MAX_REJECTED + 1}`,
    )
  }
}

const PIECE_BYTES = 1 << 18

/** What a server finds wrong with a row's data, and not with the statement or itself. */
function isRowFault(error: unknown): error is SnapError {
  if (!isSnapError(error) || !('sqlState' in error.data)) return false
  return /^(?:21|22|23|44|P0001)/.test(error.data.sqlState ?? '')
}

function castOf({ columns }: LoadPlan, name: string): string {
  const position = columns.findIndex((column) => column?.name === name)
  return `c${position}::${columns[position]!.castType}`
}

function insertStatement({ table, columns, key }: LoadPlan, skipsExisting: boolean): string {
  const target = qualifiedName(table)
  const used = columns.flatMap((column, position) =>
    column === null ? [] : [{ column, position }],
  )
  const names = used.map(({ column }) => quoteIdentifier(column.name))
  const casts = used.map(
    ({ column, position }, index) => `c${position}::${column.castType} AS ${names[index]}`,
  )
  const others = used
    .map(({ column }) => column.name)
    .filter((name) => key !== null && !key.includes(name))
    .map(quoteIdentifier)
  const doNothing = skipsExisting || others.length === 0
  const conflict =
    key === null
      ? ''
      : `ON CONFLICT (${key.map(quoteIdentifier).join(', ')}) DO ${
          doNothing
            ? 'NOTHING'
            : `UPDATE SET ${others.map((name) => `${name} = excluded.${name}`).join(', ')}
               WHERE (${others.map((name) => `old.${name}::text`).join(', ')})
                 IS DISTINCT FROM (${others.map((name) => `excluded.${name}::text`).join(', ')})`
        }`
  const isThere =
    key === null
      ? 'false'
      : `EXISTS (SELECT FROM ${target} AS there WHERE ${key
          .map((name) => `there.${quoteIdentifier(name)} = file_rows.${quoteIdentifier(name)}`)
          .join(' AND ')})`
  return `WITH file_rows AS MATERIALIZED (
      SELECT ${casts.join(', ')} FROM pg_temp.snap_load
       WHERE row_number BETWEEN $1 AND $2 ORDER BY row_number),
    counted AS (SELECT count(*) AS row_count, count(*) FILTER (WHERE ${isThere}) AS existing_count FROM file_rows),
    done AS (INSERT INTO ${target} AS old (${names.join(', ')}) OVERRIDING SYSTEM VALUE
      SELECT ${names.join(', ')} FROM file_rows ${conflict} RETURNING 1)
    SELECT row_count::float8 AS "rowCount", existing_count::float8 AS "existingCount",
           (SELECT count(*) FROM done)::float8 AS "changedCount" FROM counted`
}

/** As PostgreSQL reads it back into any type. */
function toText(value: unknown, isArray: boolean): string | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return value
  if (value instanceof JsonNumber) return value.source
  if (Array.isArray(value) && isArray) return formatArray(value)
  return typeof value === 'boolean' ? String(value) : formatJson(value)
}

/** An array as PostgreSQL writes one (manual, "Array Input and Output Syntax"). */
function formatArray(values: readonly unknown[]): string {
  const items = values.map((value) => {
    if (Array.isArray(value)) return formatArray(value)
    const text = toText(value, false)
    return text === null ? 'NULL' : `"${text.replaceAll(/["\\]/g, '\\$&')}"`
  })
  return `{${items.join(',')}}`
}

/** What a caller throws when it wants all or nothing. */
export function rejectedError(rejected: readonly RejectedRow[], count: string): SnapError {
  return new SnapError(
    'LOAD_REJECTED',
    `nothing was loaded: ${count} ${rejected.length === 1 ? 'row does' : 'rows do'} not fit`,
    { rejected: rejected.slice(0, MAX_REJECTED).map(({ values: _, ...row }) => row) },
    {
      hint: 'put the rows right, or load the others and have these written apart with --reject FILE',
    },
  )
}

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
import { withScratchDirectory } from '../objects/with-scratch-directory.ts'
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import { qualifiedName, quoteIdentifier, quoteLiteral } from '../postgres/quote.ts'
import { openSession, type Session } from '../postgres/session.ts'
import { type LoadedSequence, moveSequencesPast } from './move-sequences.ts'
import { type LoadPlan, type LoadWishes, planLoad } from './plan-load.ts'
import { formatJson, JsonNumber } from './read-json.ts'
import type { FileRecord, Records } from './records.ts'
import { RejectedRows } from './rejected-rows.ts'
import { readTargetTable } from './target-table.ts'

export interface LoadOptions extends LoadWishes {
  /** As SQL writes it. */
  table: string
  /** What a time without a zone is in. */
  timeZone: string
  isDryRun: boolean
  /** Loads the rows that fit even when others do not. */
  allowsRejected: boolean
  /** More end the load, also where some are allowed; any number when not given. */
  maxRejectedCount?: number | undefined
  /**
   * Called before COMMIT when rows were rejected that do not keep the others from being loaded, with
   * all of them in the order of the file. What it throws keeps everything from being loaded.
   */
  onRejected?: ((rows: AsyncIterable<RejectedRow>) => Promise<void>) | undefined
  /** Leaves sequences where they are, even where they will give numbers that were loaded. */
  leavesSequences?: boolean | undefined
  lockTimeoutMs?: number | undefined
  reporter?: Reporter | undefined
  signal?: AbortSignal | undefined
}

export interface RejectedRow {
  rowNumber: number
  /** Of the file, from 1 on; null where its format has no lines. */
  lineNumber: number | null
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
  rejectedCount: number
  /** The first of them, no more than a thousand, in the order of the file. */
  rejected: RejectedRow[]
  /** Those that stood behind what was loaded; in a dry run, what would become of them. */
  sequences: LoadedSequence[]
  isCommitted: boolean
}

/** More are counted and not listed; where one keeps all others from being loaded, they are not even looked for. */
export const MAX_LISTED = 1_000

/**
 * Plans a load by the columns of the file and the table; reads no row and changes nothing.
 *
 * @throws LOAD_COLUMNS_WRONG, PATTERN_UNMATCHED, USAGE, POSTGRES_*
 */
export async function prepareLoad(
  address: DatabaseAddress,
  records: Pick<Records, 'columns' | 'isEmpty'>,
  options: LoadOptions,
): Promise<LoadPlan> {
  const session = await openSession(address, sessionOptions(options))
  try {
    return planLoad(await readTargetTable(session, options.table), records, options)
  } finally {
    await session.close()
  }
}

/**
 * Loads. When it returns with `isCommitted`, the rows are in the table; otherwise nothing is.
 *
 * While it runs others may read the table, and not write it.
 *
 * @throws LOAD_REJECTED  more than a thousand rows do not fit, and none may, or more than
 *                        `maxRejectedCount`; the others were not looked at
 */
export async function loadRows(
  address: DatabaseAddress,
  records: Records,
  plan: LoadPlan,
  options: LoadOptions,
): Promise<LoadResult> {
  const session = await openSession(address, sessionOptions(options))
  try {
    return await withScratchDirectory((directory) =>
      new Load(session, records, plan, options, new RejectedRows(directory)).run(),
    )
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
  readonly #rejected: RejectedRows
  #lastRowNumber = 0

  constructor(
    session: Session,
    records: Records,
    plan: LoadPlan,
    options: LoadOptions,
    rejected: RejectedRows,
  ) {
    this.#session = session
    this.#records = records
    this.#plan = plan
    this.#options = options
    this.#rejected = rejected
  }

  async run(): Promise<LoadResult> {
    try {
      return await this.#load()
    } finally {
      await this.#rejected.close()
    }
  }

  async #load(): Promise<LoadResult> {
    const { isDryRun, allowsRejected, timeZone, skipsExisting } = this.#options
    const { table, key } = this.#plan
    const session = this.#session
    await session.execute('BEGIN')
    await session.execute(`SET LOCAL TimeZone = ${quoteLiteral(timeZone)}`).catch((cause) => {
      if (!isSnapError(cause, 'POSTGRES_REFUSED') || cause.data.sqlState !== '22023') throw cause
      throw new SnapError(
        'USAGE',
        `the server knows no time zone '${timeZone}'`,
        { argument: '--time-zone' },
        { cause, hint: 'for instance UTC or Europe/Paris: SELECT name FROM pg_timezone_names' },
      )
    })
    // 03/04/2024 is refused rather than guessed at.
    await session.execute("SET LOCAL DateStyle = 'ISO, YMD'")
    await session.execute(`LOCK TABLE ${qualifiedName(table)} IN SHARE ROW EXCLUSIVE MODE`)
    await this.#fillTextTable()
    await session.execute('SET CONSTRAINTS ALL IMMEDIATE')
    const counts = await this.#insertAll()
    const rejectedCount = this.#rejected.count
    const isCommitted = !isDryRun && (rejectedCount === 0 || allowsRejected)
    if (isCommitted && rejectedCount > 0) await this.#options.onRejected?.(this.#rejected.read())
    const sequences = await moveSequencesPast(session, this.#plan, {
      moves: isCommitted,
      leaves: this.#options.leavesSequences === true,
    })
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
      rejectedCount,
      rejected: await this.#listRejected(),
      sequences,
      isCommitted,
    }
  }

  async #listRejected(): Promise<RejectedRow[]> {
    const rows: RejectedRow[] = []
    for await (const row of this.#rejected.read()) {
      if (rows.push(row) === MAX_LISTED) break
    }
    return rows
  }

  async #fillTextTable(): Promise<void> {
    const names = this.#plan.columns.map((_, position) => `, c${position} text`)
    await this.#session.execute(
      `CREATE TEMPORARY TABLE snap_load (row_number bigint, line_number bigint${names.join('')}) ON COMMIT DROP`,
    )
    this.#rejected.startRun()
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
      const line = await this.#encodeRow(record)
      if (line === undefined) continue
      lines.push(line)
      length += line.length
      if (length >= PIECE_BYTES) yield flush()
    }
    if (lines.length > 0) yield flush()
  }

  async #encodeRow(record: FileRecord): Promise<string | undefined> {
    const { rowNumber, lineNumber = null, values, problem } = record
    const texts = values.map((value, position) =>
      toText(value, this.#plan.columns[position]?.isArray === true),
    )
    const badAt = texts.findIndex((text) => text !== null && findTextFault(text) !== undefined)
    if (problem !== null || badAt !== -1) {
      await this.#reject({
        rowNumber,
        lineNumber,
        column: badAt === -1 ? null : this.#records.columns[badAt]!,
        value: badAt === -1 ? null : texts[badAt]!,
        reason: problem ?? findTextFault(texts[badAt]!)!,
        values: texts,
      })
      return undefined
    }
    return `${rowNumber}\t${lineNumber ?? '\\N'}\t${texts.map((text) => encodeField(text)).join('\t')}\n`
  }

  async #reject(row: RejectedRow): Promise<void> {
    await this.#rejected.add(row)
    const { allowsRejected, isDryRun, maxRejectedCount } = this.#options
    const maxCount =
      maxRejectedCount ?? (allowsRejected || isDryRun ? Number.POSITIVE_INFINITY : MAX_LISTED)
    if (this.#rejected.count <= maxCount) return
    throw rejectedError(await this.#listRejected(), `more than ${maxCount}`)
  }

  /** Two rows of the file with one key are found when all others are in: only then is every key one. */
  async #insertAll(): Promise<Counts> {
    await this.#session.execute(
      'CREATE TEMPORARY TABLE snap_gone (row_number bigint) ON COMMIT DROP',
    )
    for (;;) {
      await this.#session.execute('SAVEPOINT snap_all')
      this.#rejected.startRun()
      const counts = await this.#insertRange(1, this.#lastRowNumber)
      await this.#deleteRejected()
      if (!(await this.#hasRepeatedKeys())) return counts
      await this.#session.execute('ROLLBACK TO SAVEPOINT snap_all')
      await this.#deleteRejected()
      this.#rejected.startRun()
      await this.#rejectRepeatedKeys()
      await this.#deleteRejected()
    }
  }

  /** No cast may be tried on a rejected row from here on. */
  async #deleteRejected(): Promise<void> {
    if (this.#rejected.count === 0) return
    await this.#session.execute('TRUNCATE pg_temp.snap_gone')
    const copy = 'COPY pg_temp.snap_gone FROM STDIN'
    await this.#session.copyIn(copy, encodeNumbers(this.#rejected.rowNumbers()))
    await this.#session.execute(
      `ANALYZE pg_temp.snap_gone;
       DELETE FROM pg_temp.snap_load AS l USING pg_temp.snap_gone AS g WHERE g.row_number = l.row_number`,
    )
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
    const [row] = await this.#session.query<TextRow>(
      'SELECT *, line_number::float8 AS line FROM pg_temp.snap_load WHERE row_number = $1',
      [rowNumber],
    )
    const values = this.#valuesOf(row!)
    const position = await this.#findBadCast(values)
    await this.#reject({
      rowNumber,
      lineNumber: row!.line,
      column: position === -1 ? null : this.#records.columns[position]!,
      value: position === -1 ? null : values[position]!,
      reason: error.message,
      values,
    })
  }

  #valuesOf(row: TextRow): (string | null)[] {
    return this.#plan.columns.map((_, position) => row[`c${position}`] ?? null)
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

  async #hasRepeatedKeys(): Promise<boolean> {
    if (this.#plan.key === null) return false
    const [row] = await this.#session.query<{ found: boolean }>(
      `SELECT EXISTS (${this.#repeatedKeys()}) AS found`,
    )
    return row!.found
  }

  async #rejectRepeatedKeys(): Promise<void> {
    await this.#session.execute(
      `CREATE TEMPORARY TABLE snap_repeated ON COMMIT DROP AS ${this.#repeatedKeys()};
       ALTER TABLE pg_temp.snap_repeated ADD PRIMARY KEY (row_number); ANALYZE pg_temp.snap_repeated`,
    )
    for (let last = 0; ; ) {
      const rows = await this.#session.query<TextRow & { row: number; first: number }>(
        `SELECT l.*, l.line_number::float8 AS line, r.row_number::float8 AS row, r.first::float8 AS first
           FROM pg_temp.snap_repeated AS r JOIN pg_temp.snap_load AS l USING (row_number)
          WHERE r.row_number > $1 ORDER BY r.row_number LIMIT ${PAGE_ROWS}`,
        [last],
      )
      for (const row of rows) {
        last = row.row
        await this.#reject({
          rowNumber: row.row,
          lineNumber: row.line,
          column: null,
          value: null,
          reason: `has the same key as row ${row.first}`,
          values: this.#valuesOf(row),
        })
      }
      if (rows.length < PAGE_ROWS) break
    }
    await this.#session.execute('DROP TABLE pg_temp.snap_repeated')
  }

  #repeatedKeys(): string {
    const key = this.#plan.key ?? []
    const values = key.map((name) => castOf(this.#plan, name)).join(', ')
    const notNull = key.map((name) => `${castOf(this.#plan, name)} IS NOT NULL`).join(' AND ')
    return `SELECT row_number, first FROM (
         SELECT row_number, min(row_number) OVER (PARTITION BY ${values}) AS first
           FROM pg_temp.snap_load WHERE ${notNull}) AS numbered
      WHERE row_number > first`
  }
}

/** What PostgreSQL can hold in no text, and encoding it would alter without a word. */
function findTextFault(text: string): string | undefined {
  if (text.includes('\0')) return 'has a zero byte, which no text can hold'
  return LONE_SURROGATE.test(text)
    ? 'has half of a surrogate pair, which is no character'
    : undefined
}

const LONE_SURROGATE = /\p{Surrogate}/u

/** A row of `snap_load`: `c0`, `c1` … hold its values. */
type TextRow = { line: number | null; [column: `c${number}`]: string | null }

const PAGE_ROWS = 1_000

async function* encodeNumbers(numbers: Iterable<number>): AsyncGenerator<Uint8Array> {
  let lines: number[] = []
  for (const number of numbers) {
    if (lines.push(number) < NUMBERS_PER_PIECE) continue
    yield Buffer.from(`${lines.join('\n')}\n`)
    lines = []
  }
  if (lines.length > 0) yield Buffer.from(`${lines.join('\n')}\n`)
}

const NUMBERS_PER_PIECE = 10_000
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
    { rejected: rejected.map(({ values: _, ...row }) => row) },
    {
      hint: 'put the rows right, or load the others and have these written apart with --reject FILE',
    },
  )
}

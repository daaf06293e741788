import stringWidth from 'string-width'
import {
  type ErrorCode,
  type ErrorData,
  formatConfigProblem,
  formatFileProblem,
  isSnapError,
  type SnapError,
  type SourceState,
} from '../../src/index.ts'
import { EXIT_CODE_OF_ERROR, ExitCode } from '../exit-codes.ts'
import { cutToWidth } from './fit-width.ts'
import { limitLines } from './limit-lines.ts'
import { formatRejectedRow } from './load-text.ts'
import { printable, printableLines } from './printable.ts'
import { formatTable } from './text-table.ts'
import { formatQuantity } from './units.ts'

/** How many lines of a long list (differences, hidden tables) an error shows before it counts the rest. */
const MAX_LIST_LINES = 20

/** Returns the exit code that an error ends the program with. */
export function exitCodeOf(error: unknown): ExitCode {
  return isSnapError(error) ? EXIT_CODE_OF_ERROR[error.code] : ExitCode.bug
}

/**
 * Says what went wrong, as lines for people.
 *
 * `fatal:` and the message, what the error knows beyond it, then `hint:`. An
 * error that is not a `SnapError` is a bug: it comes with its stack and a
 * request to report it.
 */
export function formatError(error: unknown): string[] {
  if (!isSnapError(error)) return formatBug(error)
  return [
    `fatal: ${printable(error.message)}`,
    ...formatDetails(error),
    ...(error.hint === undefined ? [] : [`hint: ${printable(error.hint)}`]),
  ]
}

/** What `--json` prints of an error: of each code what it carries. */
export type ErrorJson = KnownErrorJson | BugJson

type KnownErrorJson = {
  [C in ErrorCode]: {
    code: C
    message: string
    hint: string | null
    data: ErrorData[C]
    exitCode: ExitCode
  }
}[ErrorCode]

interface BugJson {
  code: 'BUG'
  message: string
  hint: string
  data: { stack: string | null }
  exitCode: ExitCode
}

/** The one line that `--json` puts on stderr. */
export function formatErrorAsJson(error: unknown): string {
  const exitCode = exitCodeOf(error)
  if (isSnapError(error)) {
    const { code, message, data } = error
    return JSON.stringify({ code, message, hint: error.hint ?? null, data, exitCode })
  }
  const message = error instanceof Error ? error.message : String(error)
  const stack = error instanceof Error ? (error.stack ?? null) : null
  return JSON.stringify({ code: 'BUG', message, hint: REPORT_HINT, data: { stack }, exitCode })
}

const REPORT_HINT = 'this is a bug in snap: please report it with the lines above'

function formatBug(error: unknown): string[] {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return [
    'fatal: internal error',
    ...printableLines(text).split('\n'),
    ...causesOf(error),
    `hint: ${REPORT_HINT}`,
  ]
}

function causesOf(error: unknown): string[] {
  const lines: string[] = []
  let cause = error instanceof Error ? error.cause : undefined
  while (cause instanceof Error) {
    lines.push(...printableLines(`caused by: ${cause.stack ?? cause.message}`).split('\n'))
    cause = cause.cause
  }
  return lines
}

function formatDetails(error: SnapError): string[] {
  if (isSnapError(error, 'POSTGRES_LOCK_TIMEOUT')) {
    return [...formatServerWords(error.data), ...formatBlockers(error.data.blockers)]
  }
  if (isSnapError(error, 'POSTGRES_REFUSED')) return formatServerWords(error.data)
  if (isSnapError(error, 'POSTGRES_PERMISSION_DENIED')) return formatServerWords(error.data)
  if (isSnapError(error, 'SCHEMA_DUMP_FAILED')) return list(pgDumpLines(error))
  if (isSnapError(error, 'SCHEMA_CHANGED_DURING_CAPTURE')) return list(error.data.tables)
  if (isSnapError(error, 'DATA_WOULD_BE_LOST')) return list(error.data.tables)
  if (isSnapError(error, 'DEPENDENCIES_MISSING')) {
    return list(
      error.data.needs.map(
        ({ state, entry, neededBy, add }) => `${entry} (${state}), needed by ${neededBy}: ${add}`,
      ),
    )
  }
  if (isSnapError(error, 'DEPENDENTS_BROKEN')) {
    return list(error.data.dependents.map(({ entry, needs }) => `${entry} needs ${needs}`))
  }
  if (isSnapError(error, 'ROWS_DO_NOT_FIT')) {
    return list(
      error.data.tables.map(({ table, columns, reason }) =>
        columns.length === 0
          ? `${table}: ${reason}`
          : `${table} (${columns.join(', ')}): ${reason}`,
      ),
    )
  }
  if (isSnapError(error, 'FOREIGN_KEY_VIOLATED')) {
    return list(
      error.data.violations.map(
        ({ constraint, table, referencedTable, rowCount }) =>
          `${constraint}: ${formatQuantity(rowCount, 'row')} of ${table} ${rowCount === 1 ? 'refers' : 'refer'} to no row of ${referencedTable}`,
      ),
    )
  }
  if (isSnapError(error, 'REVISION_AMBIGUOUS')) return list(error.data.candidates)
  if (isSnapError(error, 'RESTORE_NOT_PROVEN')) return list(error.data.differences)
  if (isSnapError(error, 'SOURCE_CHANGED')) return list(error.data.paths.slice(1))
  if (isSnapError(error, 'SOURCE_COMMAND_FAILED')) return list(linesOf(error.data.stderr))
  if (isSnapError(error, 'SOURCES_NOT_RESTORED')) return list(error.data.sources.map(describeState))
  if (isSnapError(error, 'CONFIG_INVALID')) return formatConfigProblems(error.data)
  if (isSnapError(error, 'MIGRATION_INVALID')) return formatFileProblems(error.data)
  if (isSnapError(error, 'MIGRATION_FAILED')) return formatMigrationFailure(error)
  if (isSnapError(error, 'MIGRATION_DRIFT')) {
    return list(
      error.data.files.map(
        ({ file, found }) => `${file}: ${found === null ? 'the file is gone' : 'edited'}`,
      ),
    )
  }
  if (isSnapError(error, 'LOAD_COLUMNS_WRONG')) return list(error.data.problems)
  if (isSnapError(error, 'LOAD_REJECTED')) return list(error.data.rejected.map(formatRejectedRow))
  if (isSnapError(error, 'MIGRATION_OUT_OF_ORDER')) return list(error.data.files)
  if (isSnapError(error, 'CONDITION_INVALID')) return formatCaret(error.data)
  if (isSnapError(error, 'RESTORE_FAILED')) return formatCause(error)
  return []
}

const linesOf = (text: string) => (text === '' ? [] : text.split('\n'))

const STATE_TEXTS: Readonly<Record<SourceState, string>> = {
  restored: 'restored',
  unchanged: 'equalled the commit already',
  asBefore: 'as it was before',
  unknown: 'not known: a part of it may be restored',
}

function describeState(each: ErrorData['SOURCES_NOT_RESTORED']['sources'][number]): string {
  const reason = each.reason === null ? '' : ` (${each.reason})`
  return `${each.name}: ${STATE_TEXTS[each.state]}${reason}`
}

/** A single problem is the message itself. */
function formatConfigProblems({ file, problems }: ErrorData['CONFIG_INVALID']): string[] {
  return problems.length < 2
    ? []
    : list(problems.map((problem) => formatConfigProblem(file, problem)))
}

function formatFileProblems({ problems }: ErrorData['MIGRATION_INVALID']): string[] {
  return problems.length < 2 ? [] : list(problems.map(formatFileProblem))
}

/** The statement, and what the server said besides its message. */
function formatMigrationFailure({ data, cause }: SnapError<'MIGRATION_FAILED'>): string[] {
  const statement = data.statement.split('\n').map((line) => `  > ${printable(line)}`.trimEnd())
  return [
    `  ${printable(data.file)}:${data.line}:${data.column}`,
    ...statement.slice(0, MAX_LIST_LINES),
    ...(isSnapError(cause) ? formatDetails(cause) : []),
  ]
}

function formatCaret({ condition, offset }: ErrorData['CONDITION_INVALID']): string[] {
  const indent = ' '.repeat(stringWidth(printable(condition.slice(0, offset))))
  return [`  ${printable(condition)}`, `  ${indent}^`]
}

/** What pg_dump said; the sentence that became the message is not said twice. */
function pgDumpLines({ message, data }: SnapError<'SCHEMA_DUMP_FAILED'>): string[] {
  return data.stderr
    .split('\n')
    .filter((line) => line.startsWith('pg_dump: '))
    .filter((line) => !message.endsWith(line.replace(/^pg_dump: (error|warning): /, '')))
}

/** A failed restore wraps what PostgreSQL or the store said; the reader needs that sentence too. */
function formatCause(error: SnapError): string[] {
  const { cause } = error
  if (!isSnapError(cause)) return []
  const isSaid = error.message.includes(cause.message)
  return [...(isSaid ? [] : [`  because: ${printable(cause.message)}`]), ...formatDetails(cause)]
}

function formatServerWords(data: ErrorData['POSTGRES_REFUSED']): string[] {
  const words: [label: string, text: string | undefined][] = [
    ['detail', data.detail],
    ['server hint', data.serverHint],
    ['table', data.table],
    ['constraint', data.constraint],
    ['SQLSTATE', data.sqlState],
  ]
  return words
    .filter(([, text]) => text !== undefined && text !== '')
    .map(([label, text]) => `  ${label}: ${printable(text!)}`)
}

function formatBlockers(blockers: ErrorData['POSTGRES_LOCK_TIMEOUT']['blockers']): string[] {
  if (blockers.length === 0) return []
  const rows = blockers.map((blocker) => [
    blocker.preparedTransaction === null ? String(blocker.pid) : 'prepared',
    printable(blocker.user),
    printable(blocker.application),
    printable(blocker.since),
    cutToWidth(
      printable(blocker.preparedTransaction ?? blocker.query.replaceAll(/\s+/g, ' ').trim()),
      60,
    ),
  ])
  const columns = ['pid', 'user', 'application', 'since', 'query'].map((header) => ({ header }))
  return ['held by:', ...formatTable(columns, rows).map((line) => `  ${line}`)]
}

function list(lines: readonly string[]): string[] {
  return limitLines(
    lines.map((line) => `  ${printable(line)}`),
    MAX_LIST_LINES,
  )
}

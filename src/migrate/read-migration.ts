/**
 * A migration file → the statements that are sent to the server, one by one. Pure.
 *
 * Whatever keeps the file from being run as one transaction is found here, before
 * anything is run. What PostgreSQL's parser cannot read is sent as it stands: the
 * server may know more than version 18 does, and says where it is wrong.
 */
import { createHash } from 'node:crypto'
import { type FileProblem, SnapError } from '../errors.ts'
import { findWayBack } from '../migrations/examine-script.ts'
import { compareNames, isWayBack } from '../migrations/pending-migrations.ts'
import { type ScriptPiece, ScriptReader } from '../migrations/split-script.ts'
import {
  asKind,
  loadSqlParser,
  type Node,
  type SqlParser,
  SyntaxProblem,
} from '../migrations/sql-parser.ts'
import { TextPositions } from '../migrations/text-positions.ts'
import { describeOutsideTransaction } from './outside-transaction.ts'

export interface MigrationSource {
  /** Its place in the order and in the history: `0042_add_phone.sql`. */
  name: string
  /** How messages name the file. */
  file: string
  source: string
}

export interface Migration extends MigrationSource {
  /** SHA-256 of the text, line ends as on Unix: what git makes of them on Windows is no change. */
  checksum: string
  isTransactional: boolean
  statements: MigrationStatement[]
}

export interface MigrationStatement {
  text: string
  /** Where it begins in `source`, in UTF-16 code units. */
  offset: number
  /** What follows a `COPY … FROM stdin`; null for any other statement. */
  copyData: string | null
}

/**
 * Reads migration files, in the order in which they are applied: by name, numbers as numbers.
 *
 * Files that are run only to go back (`….down.sql`, `U2__….sql`) are left out.
 *
 * @throws MIGRATION_INVALID  with everything that is wrong with any of them
 */
export async function readMigrations(sources: readonly MigrationSource[]): Promise<Migration[]> {
  const parser = await loadSqlParser()
  const problems: FileProblem[] = []
  const migrations = sources
    .filter(({ name }) => !isWayBack(name))
    .map((source) => readMigration(source, parser, problems))
    .sort((left, right) => compareNames(left.name, right.name))
  const [first] = problems
  if (first !== undefined) {
    const message =
      problems.length === 1
        ? `cannot migrate: ${formatFileProblem(first)}`
        : `cannot migrate: ${problems.length} problems in the files`
    throw new SnapError('MIGRATION_INVALID', message, { problems }, { hint: 'nothing was run' })
  }
  return migrations
}

/** Returns `db/0007.sql:3:1: \set is a command of psql`. */
export function formatFileProblem({ file, line, column, message }: FileProblem): string {
  return `${file}:${line}:${column}: ${message}`
}

const DIRECTIVE = /^[ \t]*--[ \t]*snap:[ \t]*(.*?)[ \t\r]*$/gim

function readMigration(
  migration: MigrationSource,
  parser: SqlParser,
  problems: FileProblem[],
): Migration {
  const { source, file } = migration
  const positions = new TextPositions(source)
  const refuse = (offset: number, message: string) => {
    problems.push({ file, ...positions.at(offset), message })
  }
  let isMarked = false
  for (const { 1: directive, index } of source.matchAll(DIRECTIVE)) {
    if (directive === 'no-transaction') isMarked = true
    else refuse(index, `'-- snap: ${directive}' is not known; '-- snap: no-transaction' is`)
  }
  for (const { start } of findWayBack(source)) {
    refuse(start, 'what follows is run only to go back, by the tool that the file was written for')
  }
  const all = readPieces(source, parser, refuse)
  const statements = isMarked ? all : withoutOwnTransaction(all, refuse)
  const outside = statements.filter(({ outsideName }) => outsideName !== undefined)
  const isMixed = statements.some((each) => each.outsideName === undefined && !each.isSetting)
  if (!isMarked && outside.length > 0 && isMixed) {
    refuse(
      outside[0]!.offset,
      `${outside[0]!.outsideName} cannot run in a transaction, and the file has other statements: ` +
        "put it into a file of its own, or write '-- snap: no-transaction' to have none of them in one",
    )
  }
  return {
    ...migration,
    checksum: checksumOf(source),
    isTransactional: !isMarked && outside.length === 0,
    statements: statements.map(({ text, offset, copyData }) => ({ text, offset, copyData })),
  }
}

interface ReadStatement extends MigrationStatement {
  /** What it is, when PostgreSQL refuses it in a transaction. */
  outsideName: string | undefined
  isSetting: boolean
  transactionKind: string | undefined
}

type Refuse = (offset: number, message: string) => void

function readPieces(source: string, parser: SqlParser, refuse: Refuse): ReadStatement[] {
  const reader = new ScriptReader(source)
  const statements: ReadStatement[] = []
  for (let piece = reader.next(); piece !== undefined; piece = reader.next()) {
    const { text, offset } = piece
    if (piece.kind === 'metaCommand') {
      refuse(offset, `${/^\S+/.exec(text)![0]} is a command of psql, not of the server`)
      continue
    }
    const zero = text.indexOf('\0')
    if (zero !== -1) refuse(offset + zero, 'there is a zero byte, which no statement can hold')
    const nodes = parse(piece, parser)
    const copy = nodes.map((node) => asKind(node, 'CopyStmt')).find((each) => each !== undefined)
    const takesData = copy?.is_from === true && copy.filename === undefined && !copy.is_program
    if (copy !== undefined && !copy.is_from && copy.filename === undefined) {
      refuse(offset, 'COPY … TO STDOUT has nobody to read it')
    }
    const copyData = takesData ? reader.readCopyData() : null
    // psql takes the end of a file for that of the rows: a file that was cut off would pass for whole.
    if (copyData !== null && !reader.isTerminated) {
      refuse(
        offset,
        String.raw`the file ends within the rows of this COPY: there is no line \. behind them`,
      )
    }
    statements.push({
      text,
      offset,
      copyData,
      outsideName: nodes.map(describeOutsideTransaction).find((name) => name !== undefined),
      isSetting: nodes.length > 0 && nodes.every((node) => 'VariableSetStmt' in node),
      transactionKind: nodes.map((node) => asKind(node, 'TransactionStmt')?.kind).find(Boolean),
    })
  }
  return statements
}

function parse({ text }: ScriptPiece, parser: SqlParser): Node[] {
  const nodes = parser.parse(text)
  return nodes instanceof SyntaxProblem ? [] : nodes
}

const BEGINS = new Set(['TRANS_STMT_BEGIN', 'TRANS_STMT_START'])
const WITHIN = new Set([
  'TRANS_STMT_SAVEPOINT',
  'TRANS_STMT_RELEASE',
  'TRANS_STMT_ROLLBACK_TO',
  undefined,
])

/** The file is one transaction already: a BEGIN and COMMIT around all of it say the same and are left out. */
function withoutOwnTransaction(
  statements: readonly ReadStatement[],
  refuse: Refuse,
): ReadStatement[] {
  const [first, last] = [statements.at(0), statements.at(-1)]
  const isWrapped =
    statements.length > 1 &&
    BEGINS.has(first?.transactionKind ?? '') &&
    last?.transactionKind === 'TRANS_STMT_COMMIT'
  const inner = isWrapped ? statements.slice(1, -1) : [...statements]
  for (const { transactionKind, offset, text } of inner) {
    if (WITHIN.has(transactionKind)) continue
    refuse(
      offset,
      `${/^\w+/.exec(text)?.[0].toUpperCase() ?? 'this'} would end or begin a transaction, and a file is one: ` +
        "leave it out, or write '-- snap: no-transaction'",
    )
  }
  return inner
}

function checksumOf(source: string): string {
  const text = source.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n')
  return createHash('sha256').update(text).digest('hex')
}

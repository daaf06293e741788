/**
 * Writes a commit as SQL that `psql` loads into an empty database.
 *
 * The statements and their order are those of a checkout: structure, rows,
 * sequences, large objects, indexes and constraints, privileges. All of it is one
 * transaction, so a load that fails leaves the database empty. No database is
 * needed to write it, and roles and tablespaces that it names have to exist
 * where it is loaded.
 */
import { namesSchemas } from '../capture/selection.ts'
import { checkSchemaEntry, checkSequenceState } from '../format/stream-entries.ts'
import type { Commit, SchemaEntry, TableEntry, Tree } from '../format/values.ts'
import { abortableReader } from '../objects/abortable-reader.ts'
import { readJsonStream } from '../objects/read-json-stream.ts'
import { readRows, type StreamReader } from '../objects/walk-manifest.ts'
import { qualifiedName, quoteIdentifier, quoteLiteral } from '../postgres/quote.ts'
import { type Alteration, planCreation, planRefreshes } from '../restore/plan-creation.ts'
import type { Statement } from '../restore/statement.ts'
import { formatLargeObjects } from './large-object-sql.ts'
import { SCRIPT_SETTINGS } from './script-settings.ts'

export interface ExportOptions {
  withOwners: boolean
  withPrivileges: boolean
  /** Where the rows of a table are: in the script, in a CSV file that psql finds beside it, or not wanted. */
  rows: (table: TableEntry) => 'inline' | 'leftOut' | { fileName: string }
  signal?: AbortSignal | undefined
}

export interface ExportedCommit {
  commitId: string
  commit: Commit
  tree: Tree
}

/**
 * Yields the script in pieces that need not end with a line.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, ABORTED
 */
export async function* formatPlainDump(
  reader: StreamReader,
  exported: ExportedCommit,
  options: ExportOptions,
): AsyncGenerator<Uint8Array> {
  const { commit, tree } = exported
  const objects = abortableReader(reader, options.signal, 'writing the dump')
  const entries = await readJsonStream(objects, tree.schema, checkSchemaEntry)
  const creation = planCreation(entries, {
    serverVersionNumber: commit.database.serverVersionNumber,
    currentUser: '',
    withOwners: options.withOwners,
    withPrivileges: options.withPrivileges,
    standing: ({ kind, name }) =>
      kind === 'SCHEMA' && name === 'public' ? STANDS_ALREADY : undefined,
  })

  yield lines(formatHead(exported, options))
  yield lines(formatPublicSchema(entries, commit))
  yield* formatStatements(creation.beforeRows)
  for (const table of tree.tables) {
    const where = options.rows(table)
    if (where !== 'leftOut') yield* formatRows(objects, table, where)
  }
  for (const { namespace, name, lastValue, isCalled } of await readJsonStream(
    objects,
    tree.sequences,
    checkSequenceState,
  )) {
    const sequence = quoteLiteral(qualifiedName({ namespace, name }))
    yield lines(['', `SELECT pg_catalog.setval(${sequence}, ${lastValue}, ${isCalled});`])
  }
  for await (const statement of formatLargeObjects(objects, tree.largeObjects, options)) {
    yield lines([statement])
  }
  yield* formatStatements([
    ...creation.afterRows,
    ...creation.privileges,
    ...planRefreshes(entries, hasRows(tree, options) ? tree.materializedViews : []),
    ...creation.eventTriggers,
  ])
  yield lines(['', 'COMMIT;'])
}

/** A materialized view over tables without rows has none to show. */
const hasRows = ({ tables }: Tree, { rows }: ExportOptions) =>
  tables.every((table) => rows(table) !== 'leftOut')

function formatHead({ commitId, commit, tree }: ExportedCommit, options: ExportOptions): string[] {
  const { database, createdAt } = commit
  const leftOut = [
    ...commit.notCaptured.map(({ kind, name, reason }) => `${kind} ${name}: ${reason}`),
    ...tree.tables
      .filter(({ rows }) => rows === null)
      .map(({ namespace, name }) => `rows of ${namespace}.${name}: the commit leaves them out`),
  ]
  return [
    `-- Commit ${commitId}`,
    comment(`of ${createdAt}, database ${database.name}, PostgreSQL ${database.serverVersion}`),
    '-- Load it into an empty database with psql. It is one transaction: all of it, or nothing.',
    ...(hasRows(tree, options)
      ? []
      : ['-- The rows of its tables are in the CSV files beside it, and load.sql loads both.']),
    ...(tree.tables.some((table) => typeof options.rows(table) === 'object')
      ? ['-- It reads the CSV files beside it: run it in their directory, psql --file=load.sql']
      : []),
    ...(leftOut.length === 0
      ? []
      : ['-- Not in it:', ...leftOut.map((text) => comment(`  ${text}`))]),
    '',
    String.raw`\set ON_ERROR_STOP on`,
    'BEGIN;',
    ...SCRIPT_SETTINGS,
  ]
}

/** The schema stands in the new database; its privileges and comment are given relative to initdb's. */
function formatPublicSchema(entries: readonly SchemaEntry[], { selection }: Commit): string[] {
  if (namesSchemas(selection)) return []
  const exists = entries.some(({ kind, name }) => kind === 'SCHEMA' && name === 'public')
  if (!exists) return ['', 'DROP SCHEMA IF EXISTS public;']
  return ['', 'REVOKE ALL ON SCHEMA public FROM PUBLIC;', 'GRANT USAGE ON SCHEMA public TO PUBLIC;']
}

/** Every new database has a schema `public`. */
const STANDS_ALREADY: Alteration = { statements: [], setsOwner: true }

function* formatStatements(statements: readonly Statement[]): Generator<Uint8Array> {
  // The semicolon has a line of its own: a definition may end in a comment.
  for (const { sql } of statements) yield lines(['', sql, ';'])
}

async function* formatRows(
  objects: StreamReader,
  table: TableEntry,
  where: 'inline' | { fileName: string },
): AsyncGenerator<Uint8Array> {
  const { rows, columns, extension } = table
  if (rows === null) return
  const name = qualifiedName(table)
  // What creating the extension has put there is in the rows again.
  if (extension !== null) yield lines(['', `DELETE FROM ONLY ${name} ${extension.condition};`])
  if (rows.rowCount === 0) return
  const list = columns.length === 0 ? '' : ` (${columns.map(quoteIdentifier).join(', ')})`
  if (where !== 'inline') {
    yield lines(['', `\\copy ${name}${list} FROM '${where.fileName}' WITH (FORMAT csv, HEADER)`])
    return
  }
  yield lines(['', `COPY ${name}${list} FROM stdin;`])
  yield* readRows(objects, rows)
  yield lines(['\\.'])
}

/** A name may hold a line feed, and what follows it would be a statement. */
const comment = (text: string) => `-- ${text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '?')}`

const lines = (texts: readonly string[]): Uint8Array =>
  Buffer.from(texts.map((text) => `${text}\n`).join(''))

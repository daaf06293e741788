/**
 * Proves, before COMMIT, that the database equals a tree.
 *
 * The witness of the schema is pg_dump, run inside the open transaction: it
 * sees what COMMIT would make visible. Rows are proven by the server's own
 * count while they are loaded, and with `withRows` by reading them back.
 */

import {
  COPY_LARGE_OBJECT_PAGES,
  readLargeObjectEntries,
} from '../capture/capture-large-objects.ts'
import { captureSchema } from '../capture/capture-schema.ts'
import { readSequenceStates } from '../capture/capture-sequences.ts'
import { captureLines, captureStream } from '../capture/capture-stream.ts'
import { copyOutStatement } from '../capture/copy-out-statement.ts'
import { listRelations } from '../capture/list-relations.ts'
import { isWholeDatabase } from '../capture/selection.ts'
import { SnapError } from '../errors.ts'
import { emit, type Reporter } from '../events.ts'
import { encodeJsonLine } from '../format/json-lines.ts'
import type { SchemaEntry, Selection, TableEntry, Tree } from '../format/values.ts'
import { HashingSink } from '../objects/object-sink.ts'
import { readRows, type StreamReader } from '../objects/walk-manifest.ts'
import { qualifiedName } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import {
  compareSchemas,
  describeDifference,
  type SchemaDifference,
} from '../schema/compare-schemas.ts'
import { isSameStream, tablesWithoutRows } from './compare-trees.ts'
import { digestRows } from './digest-rows.ts'
import type { RestoreTarget } from './restore-state.ts'

export interface ProofOptions {
  selection: Selection
  withOwners: boolean
  withPrivileges: boolean
  /** Read every row back and compare chunk ids, or the rows themselves where their order differs. */
  withRows: boolean
  /** Another major may write the same definition in other words; such differences are returned, not thrown. */
  allowsOtherWords: boolean
  reporter?: Reporter | undefined
}

export interface Proof {
  schemaEntryCount: number
  tableCount: number
  sequenceCount: number
  tolerated: SchemaDifference[]
}

/** @throws RESTORE_NOT_PROVEN  listing every difference found */
export async function proveRestore(
  session: Session,
  target: Pick<RestoreTarget, 'tree' | 'entries' | 'objects' | 'part'>,
  options: ProofOptions,
): Promise<Proof> {
  emit(options.reporter, { kind: 'phaseStarted', phase: 'prove' })
  const { tree } = target
  const found = await captureSchema(session, options.selection, 'savepoint')
  const differences = compareSchemas(
    comparable(target.entries, options),
    comparable(found.entries, options),
  )
  const tolerated = options.allowsOtherWords
    ? differences.filter(({ kind }) => kind === 'different')
    : []
  const problems = differences
    .filter((difference) => !tolerated.includes(difference))
    .map(describeDifference)

  const relations = (await listRelations(session)).filter((relation) =>
    relation.extension === null
      ? found.relationNames.has(`${relation.namespace}\0${relation.name}`)
      : isWholeDatabase(options.selection),
  )
  const withoutRows = tablesWithoutRows(tree)
  const sequences = await readSequenceStates(
    session,
    relations.filter(
      ({ kind, ownedBy }) =>
        kind === 'sequence' && (ownedBy === null || !withoutRows.has(qualifiedName(ownedBy))),
    ),
  )
  const sequencesFound = await captureLines(sequences, encodeJsonLine, new HashingSink())
  if (!isSameStream(sequencesFound, tree.sequences)) problems.push('sequence positions differ')

  const populated = new Map(
    relations.map(({ namespace, name, isPopulated }) => [`${namespace}\0${name}`, isPopulated]),
  )
  for (const { namespace, name, isPopulated } of tree.materializedViews) {
    if (populated.get(`${namespace}\0${name}`) !== isPopulated) {
      problems.push(`MATERIALIZED VIEW ${namespace}.${name}: expected populated = ${isPopulated}`)
    }
  }

  const columnsFound = new Map(
    relations.map(({ namespace, name, columns }) => [`${namespace}\0${name}`, columns]),
  )
  for (const { namespace, name, columns } of tree.tables) {
    const key = `${namespace}\0${name}`
    const expected = target.part?.standingColumns.get(key) ?? columns
    if (columnsFound.get(key)?.join('\0') !== expected.join('\0')) {
      // The definition of a table that inherits does not tell the order.
      problems.push(`TABLE ${namespace}.${name}: its columns are not those of the commit, in order`)
    }
  }

  if (isWholeDatabase(options.selection)) {
    problems.push(...(await compareLargeObjects(session, tree, options)))
  }
  if (options.withRows) {
    for (const table of tree.tables) {
      const problem = await compareRows(session, table, target.objects)
      if (problem !== undefined) problems.push(problem)
    }
  }

  if (problems.length > 0) throw notProven(problems)
  return {
    schemaEntryCount: found.entries.length,
    tableCount: tree.tables.length,
    sequenceCount: sequences.length,
    tolerated,
  }
}

/** Leaves out of a comparison what the restore was told to leave out. */
function comparable(
  entries: readonly SchemaEntry[],
  { withOwners, withPrivileges }: ProofOptions,
): SchemaEntry[] {
  return entries
    .filter(({ kind }) => withPrivileges || (kind !== 'ACL' && kind !== 'DEFAULT ACL'))
    .map((entry) => (withOwners ? entry : { ...entry, owner: null }))
}

/** Returns in what the database's large objects differ from a tree's; nothing when they are equal. */
export async function compareLargeObjects(
  session: Session,
  tree: Tree,
  { withOwners, withPrivileges }: Pick<ProofOptions, 'withOwners' | 'withPrivileges'>,
): Promise<string[]> {
  const entries = await readLargeObjectEntries(session)
  const problems: string[] = []
  if (entries.length !== tree.largeObjects.metadata.rowCount) {
    problems.push(
      `large objects: expected ${tree.largeObjects.metadata.rowCount}, found ${entries.length}`,
    )
  }
  if (withOwners && withPrivileges) {
    const metadata = await captureLines(entries, encodeJsonLine, new HashingSink())
    if (!isSameStream(metadata, tree.largeObjects.metadata)) {
      problems.push('owners, privileges or comments of large objects differ')
    }
  }
  const pages = await captureStream(
    entries.length === 0 ? [] : session.copyOut(COPY_LARGE_OBJECT_PAGES),
    new HashingSink(),
  )
  if (!isSameStream(pages, tree.largeObjects.pages))
    problems.push('contents of large objects differ')
  return problems
}

/**
 * Reads a table's rows back.
 *
 * @returns  in what they differ, undefined when they are equal or the commit has none
 */
export async function compareRows(
  session: Session,
  table: TableEntry,
  objects: StreamReader,
): Promise<string | undefined> {
  if (table.rows === null) return undefined
  const found = await captureStream(session.copyOut(copyOutStatement(table)), new HashingSink())
  if (isSameStream(found, table.rows)) return undefined
  // A row that was deleted and inserted again stands elsewhere in the table.
  const expectedRows = await digestRows(readRows(objects, table.rows))
  const foundRows = await digestRows(session.copyOut(copyOutStatement(table)))
  return expectedRows === foundRows
    ? undefined
    : `rows of ${table.namespace}.${table.name} differ: expected ${table.rows.rowCount}, found ${found.rowCount}`
}

export function notProven(differences: string[]): SnapError<'RESTORE_NOT_PROVEN'> {
  const more = differences.length > 1 ? ` (and ${differences.length - 1} more)` : ''
  return new SnapError(
    'RESTORE_NOT_PROVEN',
    `the restored database does not equal the commit: ${differences[0]}${more}`,
    { differences },
    { hint: 'nothing was changed; run again with --json for the whole list' },
  )
}

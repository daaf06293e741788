import { type CapturedSchema, captureSchema } from '../capture/capture-schema.ts'
import { readSequenceStates } from '../capture/capture-sequences.ts'
import { captureLines } from '../capture/capture-stream.ts'
import { findUnchangedRows } from '../capture/find-unchanged-rows.ts'
import { listRelations } from '../capture/list-relations.ts'
import { isWholeDatabase } from '../capture/selection.ts'
import { encodeJsonLine } from '../format/json-lines.ts'
import type { ManifestRef } from '../format/values.ts'
import { HashingSink } from '../objects/object-sink.ts'
import { qualifiedName } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import { isSameStream } from './compare-trees.ts'
import { isUnchanged, type LiveState } from './live-state.ts'
import { compareLargeObjects } from './prove.ts'

export interface LiveChanges {
  /** The schema as it is now. */
  schema: CapturedSchema
  /** Rows that need not be read again, by qualified table name. */
  unchangedRows: ReadonlyMap<string, ManifestRef>
}

/**
 * Returns what has changed in the database since a live state was read, or null when nothing has.
 *
 * Other databases of the cluster, ANALYZE and temporary tables move the transactions on without
 * any of it changing; so what differs is looked for before anything is read again.
 *
 * Call it in an open transaction that has written nothing. What it says of rows goes on to be
 * true where writers are locked out of their tables.
 *
 * @param areRowsLocked  they have been looked at under locks that are held; only the rest is
 */
export async function findLiveChanges(
  session: Session,
  live: LiveState,
  { areRowsLocked = false } = {},
): Promise<LiveChanges | null> {
  if (await isUnchanged(session, live)) return null
  const schema = await captureSchema(session, live.selection, 'savepoint')
  const { entries, facts } = schema
  if (JSON.stringify({ entries, facts }) !== JSON.stringify(live.schema)) {
    return { schema, unchangedRows: new Map() }
  }
  const { tables } = live.tree
  const unchangedRows = areRowsLocked
    ? new Map(tables.flatMap((table) => (table.rows ? [[qualifiedName(table), table.rows]] : [])))
    : await findUnchangedRows(session, live.transactions, tables)
  const isAllUnchanged =
    tables.every((table) => table.rows === null || unchangedRows.has(qualifiedName(table))) &&
    (await isBesideTablesUnchanged(session, live))
  return isAllUnchanged ? null : { schema, unchangedRows }
}

async function isBesideTablesUnchanged(
  session: Session,
  { tree, selection, capture }: LiveState,
): Promise<boolean> {
  const sequences = await readSequenceStates(session, capture.sequences)
  const positions = await captureLines(sequences, encodeJsonLine, new HashingSink())
  if (!isSameStream(positions, tree.sequences)) return false
  const populated = new Map(
    (await listRelations(session)).map((relation) => [
      qualifiedName(relation),
      relation.isPopulated,
    ]),
  )
  const areViewsUnchanged = tree.materializedViews.every(
    (view) => populated.get(qualifiedName(view)) === view.isPopulated,
  )
  if (!areViewsUnchanged) return false
  if (!isWholeDatabase(selection)) return true
  const everything = { withOwners: true, withPrivileges: true }
  return (await compareLargeObjects(session, tree, everything)).length === 0
}

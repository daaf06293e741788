import type { DatabaseState } from '../diff/database-state.ts'
import { diffTableRows } from '../diff/diff-states.ts'
import type { RowChange, RowDiffOptions } from '../diff/row-diff.ts'
import { formatRowChange, formatSequencePosition } from '../diff/sql-script.ts'
import { abortableReader } from '../objects/abortable-reader.ts'
import { qualifiedName } from '../postgres/quote.ts'
import type { Statement } from '../restore/statement.ts'
import { formatLargeObjects } from './large-object-sql.ts'
import type { Transition, TransitionRows } from './plan-transition.ts'
import { SCRIPT_SETTINGS } from './script-settings.ts'

/**
 * Yields a transition's statements in order, one transaction of them, each ended by a semicolon.
 *
 * They are plain SQL, for psql or any driver. A statement may have several lines; pieces do not end with one.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, ABORTED
 */
export async function* formatTransition(
  transition: Transition,
  { before, after }: { before: DatabaseState; after: DatabaseState },
  options: Omit<RowDiffOptions, 'keyColumns'>,
): AsyncGenerator<string> {
  yield ['BEGIN;', ...SCRIPT_SETTINGS].join('\n')
  for (const statement of transition.beforeRows) yield endStatement(statement)
  for (const rows of transition.rows) {
    yield* formatRows(rows, { before, after }, options)
  }
  for (const state of transition.sequences) yield formatSequencePosition(state)
  yield* formatLargeObjectChanges(transition, {
    tree: after.tree,
    objects: abortableReader(after.objects, options.signal, 'writing the script'),
  })
  for (const statement of transition.afterRows) yield endStatement(statement)
  yield 'COMMIT;'
}

/** A definition may end in a comment, which would swallow what follows it on its line. */
function endStatement({ sql }: Statement): string {
  const text = sql.trim()
  return /--[^\n]*$/.test(text) ? `${text}\n;` : `${text.replace(/;$/, '')};`
}

/**
 * Deletions come first, so that keys are free when rows arrive. The rows are compared once for
 * them and once for the rest, instead of being kept meanwhile: there may be any number.
 */
async function* formatRows(
  { pair, how, replacedColumns }: TransitionRows,
  { before, after }: { before: DatabaseState; after: DatabaseState },
  options: Omit<RowDiffOptions, 'keyColumns'>,
): AsyncGenerator<string> {
  const extension = pair.after?.extension ?? null
  // What creating the extension has put there is in the rows again.
  if (how === 'load' && extension !== null) {
    yield `DELETE FROM ONLY ${qualifiedName(pair)} ${extension.condition};`
  }
  const isReplaced = (change: RowChange) =>
    change.kind === 'updated' && change.columns.some((column) => replacedColumns.has(column))
  if (how === 'change') {
    for await (const change of diffTableRows(before, after, pair, options)) {
      if (change.kind === 'inserted' || (change.kind === 'updated' && !isReplaced(change))) continue
      yield formatRowChange(pair, { kind: 'deleted', before: change.before })
    }
  }
  for await (const change of diffTableRows(before, after, pair, options)) {
    if (change.kind === 'deleted') continue
    yield formatRowChange(
      pair,
      isReplaced(change) ? { kind: 'inserted', after: change.after } : change,
    )
  }
}

async function* formatLargeObjectChanges(
  { largeObjects: { removed, created } }: Transition,
  { objects, tree }: Pick<DatabaseState, 'objects' | 'tree'>,
): AsyncGenerator<string> {
  for (const oid of removed) yield `SELECT pg_catalog.lo_unlink(${oid});`
  if (created.length === 0) return
  const wanted = new Set(created)
  yield* formatLargeObjects(objects, tree.largeObjects, {
    withOwners: true,
    withPrivileges: true,
    isWanted: (oid) => wanted.has(oid),
  })
}

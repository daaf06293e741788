/**
 * Keeps the manifest of a table whose rows are those of an earlier state in another order.
 *
 * `VACUUM FULL`, `CLUSTER`, a dump that was restored and a checkout that put single rows back move
 * rows and change none. A table is a multiset of rows, so such a table is equal to what it was, and
 * has to have the same manifest: then the tree has the same id, and a commit says that nothing
 * changed.
 *
 * Only a table of as many rows and bytes as before can be one. Of such, the chunks that differ are
 * read from the store, on both sides, and compared row by row; no digest is trusted. That costs
 * about what it costs to read them from the server once more, and is paid by every commit until a
 * row changes: then the new order is taken.
 */
import { diffRows } from '../diff/row-diff.ts'
import { SnapError } from '../errors.ts'
import type { ManifestRef, TableEntry, Tree } from '../format/values.ts'
import type { StreamReader } from '../objects/walk-manifest.ts'
import { withScratchDirectory } from '../objects/with-scratch-directory.ts'
import { qualifiedName } from '../postgres/quote.ts'

export interface KeepOptions {
  /** Reads the rows of both sides. */
  objects: StreamReader
  /** Makes readable what was captured; called only if there is anything to compare. */
  flush: () => Promise<void>
  signal?: AbortSignal | undefined
}

/**
 * Returns `tree` with the manifests of `known` for tables whose rows are equal; `tree` itself if none is.
 *
 * A table of `known` that cannot be read is not kept: committing anew is how it heals.
 *
 * @throws ABORTED, BACKEND_UNAVAILABLE, and what `flush` throws
 */
export async function keepEqualRows(
  tree: Tree,
  known: Pick<Tree, 'tables'>,
  options: KeepOptions,
): Promise<Tree> {
  const knownTables = new Map(known.tables.map((table) => [qualifiedName(table), table]))
  const pairs = tree.tables.flatMap((table) => {
    const before = knownTables.get(qualifiedName(table))
    return before !== undefined && mayBeEqual(before, table) ? [{ before, table }] : []
  })
  if (pairs.length === 0) return tree
  await options.flush()
  const kept = new Map<TableEntry, ManifestRef | null>()
  await withScratchDirectory(async (scratchDirectory) => {
    for (const { before, table } of pairs) {
      if (await hasSameRows(before, table, { ...options, scratchDirectory })) {
        kept.set(table, before.rows)
      }
    }
  })
  if (kept.size === 0) return tree
  const tables = tree.tables.map((table) => ({ ...table, rows: kept.get(table) ?? table.rows }))
  return { ...tree, tables }
}

function mayBeEqual(before: TableEntry, after: TableEntry): boolean {
  if (before.rows === null || after.rows === null) return false
  return (
    before.rows.rootId !== after.rows.rootId &&
    before.rows.rowCount === after.rows.rowCount &&
    before.rows.sizeBytes === after.rows.sizeBytes &&
    JSON.stringify([before.columns, before.extension]) ===
      JSON.stringify([after.columns, after.extension])
  )
}

async function hasSameRows(
  before: TableEntry,
  after: TableEntry,
  { objects, scratchDirectory, signal }: KeepOptions & { scratchDirectory: string },
): Promise<boolean> {
  const stateOf = ({ rows, columns }: TableEntry) => ({ objects, rows: rows!, columns })
  try {
    for await (const _ of diffRows(stateOf(before), stateOf(after), { scratchDirectory, signal })) {
      return false
    }
    return true
  } catch (error) {
    if (error instanceof SnapError && error.code.startsWith('OBJECT_')) return false
    throw error
  }
}

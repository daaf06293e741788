import { isSnapError } from '../errors.ts'
import { checkTableRanges, checkTableState } from '../format/stream-entries.ts'
import { encodeTree } from '../format/tree.ts'
import type {
  ObjectId,
  TableEntry,
  TableRanges,
  TableState,
  Tree,
  WalBase,
} from '../format/values.ts'
import type { ObjectDatabase } from '../objects/object-database.ts'
import type { ObjectWriter } from '../objects/object-writer.ts'
import { readJsonStream } from '../objects/read-json-stream.ts'
import { qualifiedName } from '../postgres/quote.ts'
import type { Capture } from './capture-database.ts'
import { captureWalBase } from './capture-wal-base.ts'
import { keepEqualRows } from './keep-equal-rows.ts'

/**
 * Returns the capture with the manifests of the parent for tables whose rows only moved; so its tree
 * may be that of the parent.
 *
 * @param writer  wrote what was captured
 * @throws ABORTED, BACKEND_UNAVAILABLE
 */
export async function keepRowsOfParent(
  capture: Capture,
  parentId: ObjectId | null,
  objects: ObjectDatabase,
  { writer, signal }: { writer: ObjectWriter; signal: AbortSignal | undefined },
): Promise<Capture> {
  if (parentId === null) return capture
  const known = await readTreeOf(objects, parentId)
  if (known === undefined) return capture
  const flush = () => writer.flush()
  const tree = await keepEqualRows(capture.tree, known, { objects, flush, signal })
  if (tree === capture.tree) return capture
  return {
    ...capture,
    tree,
    treeId: await writer.put('metadata', encodeTree(tree)),
    walBase: await withoutMovedRows(capture, tree, { objects, writer }),
  }
}

/** A table that keeps the manifest of before is not in the order of that, and so no base to go on from. */
async function withoutMovedRows(
  { walBase, tree: captured }: Capture,
  tree: Tree,
  { objects, writer }: { objects: ObjectDatabase; writer: ObjectWriter },
): Promise<WalBase | undefined> {
  if (walBase === undefined) return undefined
  const rootOf = ({ rows }: TableEntry) => rows?.rootId
  const moved = new Set(
    captured.tables
      .filter((table, i) => rootOf(table) !== rootOf(tree.tables[i]!))
      .map((table) => qualifiedName(table)),
  )
  const { tables, ranges } = walBase
  const isInOrder = (line: TableState | TableRanges) => !moved.has(qualifiedName(line))
  const states = (await readJsonStream(objects, tables, checkTableState)).filter(isInOrder)
  const rangeLines =
    ranges === undefined
      ? []
      : (await readJsonStream(objects, ranges, checkTableRanges)).filter(isInOrder)
  return captureWalBase(walBase, { states, ranges: rangeLines }, writer)
}

/** Returns undefined where it is damaged: a commit can be made all the same. */
async function readTreeOf(objects: ObjectDatabase, commitId: ObjectId): Promise<Tree | undefined> {
  try {
    return await objects.readTree((await objects.readCommit(commitId)).treeId)
  } catch (error) {
    if (isSnapError(error, 'OBJECT_MISSING') || isSnapError(error, 'OBJECT_CORRUPT')) {
      return undefined
    }
    throw error
  }
}

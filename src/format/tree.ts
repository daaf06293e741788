import { decodeCanonicalJson, encodeCanonicalJson } from './canonical-json.ts'
import { manifestRef } from './manifest-ref.ts'
import { decodeMetadataObject, encodeMetadataObject } from './metadata-object.ts'
import * as shape from './shape.ts'
import type { MaterializedViewEntry, TableEntry, Tree } from './values.ts'

const TREE_VERSION = 1

const tree = shape.object<Tree>({
  schema: manifestRef,
  tables: sortedByName(
    shape.object<TableEntry>({
      namespace: shape.string,
      name: shape.string,
      columns: shape.arrayOf(shape.string),
      extension: shape.nullable(
        shape.object<NonNullable<TableEntry['extension']>>({
          name: shape.string,
          condition: shape.string,
        }),
      ),
      rows: shape.nullable(manifestRef),
    }),
  ),
  materializedViews: sortedByName(
    shape.object<MaterializedViewEntry>({
      namespace: shape.string,
      name: shape.string,
      isPopulated: shape.boolean,
    }),
  ),
  sequences: manifestRef,
  largeObjects: shape.object<Tree['largeObjects']>({ metadata: manifestRef, pages: manifestRef }),
})

/**
 * Encodes a tree object. Equal trees have equal bytes.
 *
 * @throws OBJECT_CORRUPT  `value` has a field of the wrong type, or an unsorted list
 * @see store-format.md §5.3 "Tree"
 */
export function encodeTree(value: Tree): Uint8Array {
  return encodeMetadataObject('tree', TREE_VERSION, encodeCanonicalJson(tree(value, 'tree')))
}

/**
 * Decodes a tree object.
 *
 * @throws OBJECT_KIND_UNEXPECTED  the bytes are no tree
 * @throws FORMAT_UNSUPPORTED      they are one of an unknown version
 * @throws OBJECT_CORRUPT          they are not the canonical encoding of a tree
 */
export function decodeTree(bytes: Uint8Array): Tree {
  return tree(decodeCanonicalJson(decodeMetadataObject('tree', TREE_VERSION, bytes)), 'tree')
}

/** A list that ascends by namespace, then name, in code unit order, and names nothing twice. */
function sortedByName<T extends { namespace: string; name: string }>(
  item: shape.Shape<T>,
): shape.Shape<T[]> {
  const list = shape.arrayOf(item)
  return (value, path) => {
    const items = list(value, path)
    for (const [position, next] of items.entries()) {
      const previous = items[position - 1]
      const isAscending =
        previous === undefined ||
        previous.namespace < next.namespace ||
        (previous.namespace === next.namespace && previous.name < next.name)
      if (!isAscending) shape.mismatch(`${path}[${position}]`, 'ascending names', next.name)
    }
    return items
  }
}

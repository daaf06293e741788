import { decodeJsonLines } from '../format/json-lines.ts'
import { checkSchemaEntry } from '../format/stream-entries.ts'
import type { SchemaEntry, Tree } from '../format/values.ts'
import type { ObjectDatabase } from '../objects/object-database.ts'
import { readRows } from '../objects/walk-manifest.ts'

/** Reads a tree's schema entries, in the order in which they can be created. */
export async function readSchemaEntries(
  objects: ObjectDatabase,
  tree: Tree,
): Promise<SchemaEntry[]> {
  const entries: SchemaEntry[] = []
  for await (const entry of decodeJsonLines(readRows(objects, tree.schema), checkSchemaEntry)) {
    entries.push(entry)
  }
  return entries
}

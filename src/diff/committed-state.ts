import { checkCatalogFact, checkSchemaEntry } from '../format/stream-entries.ts'
import type { ObjectId } from '../format/values.ts'
import { readJsonStream } from '../objects/read-json-stream.ts'
import type { Store } from '../store.ts'
import type { DatabaseState } from './database-state.ts'

/**
 * Reads the state that a commit holds; of its rows nothing yet.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT
 */
export async function readCommittedState(store: Store, commitId: ObjectId): Promise<DatabaseState> {
  const { objects } = store
  const { treeId, catalog, database, sources = [] } = await objects.readCommit(commitId)
  const tree = await objects.readTree(treeId)
  return {
    treeId,
    tree,
    schema: await readJsonStream(objects, tree.schema, checkSchemaEntry),
    facts: await readJsonStream(objects, catalog, checkCatalogFact),
    origin: database,
    serverVersionNumber: database.serverVersionNumber,
    objects,
    sources: { sources, objects },
  }
}

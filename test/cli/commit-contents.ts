import { join } from 'node:path'
import {
  LocalBackend,
  type ObjectId,
  openStore,
  readSchemaEntries,
  type Tree,
} from '../../src/index.ts'

/** What a commit in a workplace's store holds, apart from when, where and by whom it was made. */
export async function contentsOf(
  directory: string,
  commitId: string,
): Promise<Tree & { schemaEntries: unknown }> {
  const backend = await LocalBackend.open(join(directory, '.snap'))
  try {
    const { objects } = await openStore(backend)
    const { treeId } = await objects.readCommit(commitId as unknown as ObjectId)
    const tree = await objects.readTree(treeId)
    return { ...tree, schemaEntries: await readSchemaEntries(objects, tree) }
  } finally {
    await backend.close()
  }
}

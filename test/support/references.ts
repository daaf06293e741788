import { decodeCommit } from '../../src/format/commit.ts'
import { decodeManifestNode } from '../../src/format/manifest-node.ts'
import { findMetadataKind } from '../../src/format/metadata-object.ts'
import { decodeTree } from '../../src/format/tree.ts'
import type { ObjectId } from '../../src/format/values.ts'

/** Returns the ids that a metadata object names. */
export function listReferences(bytes: Uint8Array): ObjectId[] {
  switch (findMetadataKind(bytes)) {
    case 'commit': {
      const { treeId, parentIds, catalog } = decodeCommit(bytes)
      return [treeId, ...parentIds, catalog.rootId]
    }
    case 'tree': {
      const { schema, tables, sequences, largeObjects } = decodeTree(bytes)
      const rows = tables.flatMap((table) => (table.rows === null ? [] : [table.rows]))
      const manifests = [schema, ...rows, sequences, largeObjects.metadata, largeObjects.pages]
      return manifests.map((ref) => ref.rootId)
    }
    default: {
      const node = decodeManifestNode(bytes)
      return 'chunks' in node
        ? node.chunks.map((chunk) => chunk.id)
        : node.children.map((child) => child.rootId)
    }
  }
}

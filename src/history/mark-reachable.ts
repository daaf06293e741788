import { throwIfAborted } from '../errors.ts'
import type { Commit, ManifestRef, ObjectId, Tree, WalBase } from '../format/values.ts'
import type { ObjectDatabase } from '../objects/object-database.ts'
import type { ObjectMarks } from '../objects/object-marks.ts'

/**
 * Marks commits and everything they name but their parents: trees, manifests, chunks.
 *
 * Each object is read once. A chunk that is missing is passed over, because nothing lies behind it.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT  metadata is damaged: what lies behind it cannot be told
 * @throws ABORTED
 */
export async function markCommits(
  objects: ObjectDatabase,
  marks: ObjectMarks,
  commitIds: Iterable<ObjectId>,
  options: {
    signal?: AbortSignal | undefined
    onMissingChunk?: ((id: ObjectId) => void) | undefined
  } = {},
): Promise<void> {
  const markManifest = async (ref: ManifestRef) => {
    const open = [ref.rootId]
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (marks.mark(id, 'metadata') === 'known') continue
      throwIfAborted(options.signal, 'marking objects')
      const node = await objects.readNode(id)
      if ('chunks' in node) {
        for (const { id: chunkId } of node.chunks) {
          if (marks.mark(chunkId, 'chunk') === 'absent') options.onMissingChunk?.(chunkId)
        }
      } else {
        open.push(...node.children.map(({ rootId }) => rootId))
      }
    }
  }
  for (const id of commitIds) {
    if (marks.mark(id, 'metadata') === 'known') continue
    const commit = await objects.readCommit(id)
    for (const ref of manifestsBeside(commit)) await markManifest(ref)
    if (marks.mark(commit.treeId, 'metadata') === 'known') continue
    for (const ref of manifestsIn(await objects.readTree(commit.treeId))) await markManifest(ref)
  }
}

/** Returns the root of every stream that a tree names. */
export function manifestsIn(tree: Tree): ManifestRef[] {
  const rows = tree.tables.map((table) => table.rows).filter((ref) => ref !== null)
  return [tree.schema, ...rows, tree.sequences, tree.largeObjects.metadata, tree.largeObjects.pages]
}

/** Returns the root of every stream that a commit names besides those of its tree. */
export function manifestsBeside({ catalog, sources = [], walBase }: Commit): ManifestRef[] {
  const held = sources.flatMap((source) =>
    source.kind === 'files' ? [source.entries, source.contents] : [source.output],
  )
  return [catalog, ...held, ...manifestsOfBase(walBase)]
}

/** Returns the root of every stream that is named by what a later capture can tell changes by. */
export function manifestsOfBase(walBase: WalBase | undefined): ManifestRef[] {
  if (walBase === undefined) return []
  return walBase.ranges === undefined ? [walBase.tables] : [walBase.tables, walBase.ranges]
}

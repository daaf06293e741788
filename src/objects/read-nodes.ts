import { isSnapError } from '../errors.ts'
import { decodeManifestNode } from '../format/manifest-node.ts'
import { entrySizeBytes } from '../format/pack-entry.ts'
import type { ManifestNode, ObjectId } from '../format/values.ts'
import { decodeObject } from './decode-object.ts'
import type { ObjectDatabase } from './object-database.ts'
import type { StoredObject } from './object-index.ts'

/** To read what lies between two entries takes no longer than to ask again. */
const MAX_GAP_BYTES = 1 << 14
const MAX_READ_BYTES = 1 << 20

/**
 * Reads many small manifest nodes with few reads: those that lie near each other in a pack with one.
 *
 * Each is checked against its id. One that cannot be read where it is looked for first is left out:
 * `ObjectDatabase.readNode` finds another copy, or tells what is wrong. All are held in memory.
 *
 * @throws BACKEND_UNAVAILABLE  packs could not be listed
 */
export async function readNodes(
  objects: ObjectDatabase,
  ids: Iterable<ObjectId>,
): Promise<Map<ObjectId, ManifestNode>> {
  const entries: StoredObject[] = []
  for (const id of ids) {
    const entry = await objects.findEntry(id, 'metadata')
    if (entry !== undefined) entries.push(entry)
  }
  const nodes = new Map<ObjectId, ManifestNode>()
  for (const near of groupNear(entries)) {
    for (const [id, node] of await readGroup(objects, near)) nodes.set(id, node)
  }
  return nodes
}

/** Entries that one read takes together, in the order they lie in. */
function groupNear(entries: readonly StoredObject[]): StoredObject[][] {
  const groups: StoredObject[][] = []
  let group: StoredObject[] = []
  for (const entry of entries.toSorted(byPlace)) {
    const [first, last] = [group[0], group.at(-1)]
    const isNear =
      first !== undefined &&
      last !== undefined &&
      entry.packKey === last.packKey &&
      entry.offsetBytes - endOf(last) <= MAX_GAP_BYTES &&
      endOf(entry) - first.offsetBytes <= MAX_READ_BYTES
    if (!isNear) {
      group = []
      groups.push(group)
    }
    group.push(entry)
  }
  return groups
}

const endOf = (entry: StoredObject) => entry.offsetBytes + entrySizeBytes(entry)

function byPlace(a: StoredObject, b: StoredObject): number {
  if (a.packKey !== b.packKey) return a.packKey < b.packKey ? -1 : 1
  return a.offsetBytes - b.offsetBytes
}

async function readGroup(
  { backend }: ObjectDatabase,
  group: readonly StoredObject[],
): Promise<[ObjectId, ManifestNode][]> {
  const { packKey, offsetBytes } = group[0]!
  const sizeBytes = endOf(group.at(-1)!) - offsetBytes
  const bytes = await backend.read(packKey, { offsetBytes, sizeBytes }).catch(passOver)
  return group.flatMap((entry): [ObjectId, ManifestNode][] => {
    if (bytes === undefined) return []
    try {
      const place = { packKey, offsetBytes: entry.offsetBytes - offsetBytes }
      const { header, object } = decodeObject(bytes, place)
      return header.id === entry.id ? [[entry.id, decodeManifestNode(object)]] : []
    } catch (error) {
      return passOver(error) ?? []
    }
  })
}

function passOver(error: unknown): undefined {
  if (!isSnapError(error)) throw error
}

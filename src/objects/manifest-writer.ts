import { encodeManifestNode, endsManifestNode, totalsOfNode } from '../format/manifest-node.ts'
import type { ChunkRef, ManifestNode, ManifestRef, ObjectId } from '../format/values.ts'
import type { ObjectSink } from './object-sink.ts'

/** Entries of the node that is being filled on one level. */
interface OpenLevel {
  entries: (ChunkRef | ManifestRef)[]
  /** Nodes already written on this level. */
  nodeCount: number
  /** The last of them: the root, if no other follows. */
  lastNode: ManifestRef | undefined
}

/**
 * Builds the hash tree over one stream's chunks as they come.
 *
 * The tree depends on the list of chunks alone. Holds one open node a level, so
 * a list of any length takes a few hundred kilobytes.
 */
export class ManifestWriter {
  readonly #sink: ObjectSink
  readonly #levels: OpenLevel[] = []

  constructor(sink: ObjectSink) {
    this.#sink = sink
  }

  /** Appends a chunk; it must have been put into the same sink, or be stored. */
  async add(chunk: ChunkRef): Promise<void> {
    await this.#append(0, chunk, chunk.id)
  }

  /**
   * Writes what is open and returns the root. A stream without chunks has a node without entries.
   *
   * A writer still has to be flushed.
   */
  async finish(): Promise<ManifestRef> {
    if (this.#levels.length === 0) return this.#write({ level: 0, chunks: [] })
    for (let level = 0; ; level++) {
      const open = this.#levels[level]!
      if (open.entries.length > 0) await this.#closeNode(level)
      // A level of one node is the root; the level above holds nothing but a reference to it.
      if (open.nodeCount === 1) return open.lastNode!
    }
  }

  async #append(level: number, entry: ChunkRef | ManifestRef, id: ObjectId): Promise<void> {
    this.#levels[level] ??= { entries: [], nodeCount: 0, lastNode: undefined }
    const { entries } = this.#levels[level]
    entries.push(entry)
    if (endsManifestNode(id, entries.length)) await this.#closeNode(level)
  }

  async #closeNode(level: number): Promise<void> {
    const open = this.#levels[level]!
    const entries = open.entries
    open.entries = []
    const node: ManifestNode =
      level === 0
        ? { level: 0, chunks: entries as ChunkRef[] }
        : { level, children: entries as ManifestRef[] }
    const ref = await this.#write(node)
    open.nodeCount++
    open.lastNode = ref
    await this.#append(level + 1, ref, ref.rootId)
  }

  async #write(node: ManifestNode): Promise<ManifestRef> {
    const rootId = await this.#sink.put('metadata', encodeManifestNode(node))
    return { rootId, ...totalsOfNode(node) }
  }
}

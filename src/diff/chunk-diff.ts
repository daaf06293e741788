/**
 * Finds the chunks in which two row streams differ, by ids alone.
 *
 * What both streams hold cancels as a multiset, wherever it stands: first whole
 * subtrees of the two hash trees, level by level, then chunks. Equal subtrees
 * are not walked, so the cost follows the difference and not the table.
 *
 * The one rule that must not be broken: no row is torn apart. A row longer than
 * a chunk fills several, of which only the last holds a row end; such chunks
 * cancel together or not at all, and a subtree that begins or ends inside a row
 * is opened.
 */
import type { ChunkRef, ManifestNode, ManifestRef, ObjectId } from '../format/values.ts'
import type { StreamReader } from '../objects/walk-manifest.ts'

export interface RowStream {
  rows: ManifestRef
  objects: StreamReader
}

/** Chunks that begin and end with whole rows: one, or all that a long row fills. */
export type ChunkGroup = readonly ChunkRef[]

/** What is left on each side, in the order of its stream. */
export interface ChunkDiff {
  before: ChunkGroup[]
  after: ChunkGroup[]
}

/** @throws OBJECT_MISSING, OBJECT_CORRUPT, OBJECT_KIND_UNEXPECTED  a node cannot be read */
export async function diffChunks(before: RowStream, after: RowStream): Promise<ChunkDiff> {
  if (before.rows.rootId === after.rows.rootId) return { before: [], after: [] }
  const sides = [new OpenTree(before), new OpenTree(after)] as const
  await Promise.all(sides.map((side) => side.openRoot()))

  for (;;) {
    const level = Math.max(sides[0].level, sides[1].level)
    // A taller tree is opened until both are lists of nodes of one level.
    if (sides[0].level === sides[1].level) await cancelSubtrees(...sides)
    if (level === 0) break
    for (const side of sides) if (side.level === level) await side.openChildren()
  }
  return cancelGroups(await sides[0].listGroups(), await sides[1].listGroups())
}

/** Every chunk of a stream, for streams whose chunks must not cancel. */
export async function listChunkGroups(stream: RowStream): Promise<ChunkGroup[]> {
  const tree = new OpenTree(stream)
  await tree.openRoot()
  while (tree.level > 0) await tree.openChildren()
  return tree.listGroups()
}

/** The nodes of one level that have not cancelled, in runs that were neighbours. */
class OpenTree {
  level = 0
  runs: ManifestRef[][]
  readonly #objects: StreamReader
  readonly #endsInsideRow = new Map<ObjectId, Promise<boolean>>()

  constructor({ rows, objects }: RowStream) {
    this.runs = [[rows]]
    this.#objects = objects
  }

  async openRoot(): Promise<void> {
    this.level = (await this.#objects.readNode(this.runs[0]![0]!.rootId)).level
  }

  async openChildren(): Promise<void> {
    this.runs = await this.#flatMapRuns((node) => ('children' in node ? node.children : []))
    this.level--
  }

  /** Puts the chunks of nodes of level 0 into groups. */
  async listGroups(): Promise<ChunkGroup[]> {
    const runs = await this.#flatMapRuns((node) => ('chunks' in node ? node.chunks : []))
    return runs.flatMap(groupByRowEnds)
  }

  /** Which of the nodes begin and end with whole rows, of those that `isWanted`. */
  async listCancellable(isWanted: (id: ObjectId) => boolean): Promise<ManifestRef[]> {
    const found: ManifestRef[] = []
    for (const run of this.runs) {
      for (const [position, node] of run.entries()) {
        if (!isWanted(node.rootId)) continue
        const previous = run[position - 1]
        // A run begins where the stream does, or after what has cancelled: with a row.
        if (previous !== undefined && (await this.#endsWithin(previous))) continue
        if (!(await this.#endsWithin(node))) found.push(node)
      }
    }
    return found
  }

  remove(nodes: ReadonlySet<ManifestRef>): void {
    this.runs = this.runs.flatMap((run) => splitRun(run, (node) => nodes.has(node)))
  }

  async #flatMapRuns<T>(open: (node: ManifestNode) => readonly T[]): Promise<T[][]> {
    const opened: T[][] = []
    for (const run of this.runs) {
      const items: T[] = []
      for (const { rootId } of run) items.push(...open(await this.#objects.readNode(rootId)))
      opened.push(items)
    }
    return opened
  }

  #endsWithin({ rootId }: ManifestRef): Promise<boolean> {
    const known = this.#endsInsideRow.get(rootId)
    if (known !== undefined) return known
    const answer = this.#objects.readNode(rootId).then((node) => {
      if ('chunks' in node) return node.chunks.at(-1)?.rowCount === 0
      return this.#endsWithin(node.children.at(-1)!)
    })
    this.#endsInsideRow.set(rootId, answer)
    return answer
  }
}

async function cancelSubtrees(before: OpenTree, after: OpenTree): Promise<void> {
  const idsOf = (tree: OpenTree) => new Set(tree.runs.flat().map(({ rootId }) => rootId))
  const [idsBefore, idsAfter] = [idsOf(before), idsOf(after)]
  const nodesBefore = await before.listCancellable((id) => idsAfter.has(id))
  const nodesAfter = await after.listCancellable((id) => idsBefore.has(id))
  const common = cancel(nodesBefore, nodesAfter, ({ rootId }) => rootId)
  before.remove(common.before)
  after.remove(common.after)
}

function cancelGroups(before: ChunkGroup[], after: ChunkGroup[]): ChunkDiff {
  const common = cancel(before, after, (group) => group.map(({ id }) => id).join())
  return {
    before: before.filter((group) => !common.before.has(group)),
    after: after.filter((group) => !common.after.has(group)),
  }
}

/** Pairs items of equal names, each with one of the other side. */
function cancel<T>(
  before: readonly T[],
  after: readonly T[],
  nameOf: (item: T) => string,
): { before: Set<T>; after: Set<T> } {
  const waiting = new Map<string, T[]>()
  for (const item of before) {
    const name = nameOf(item)
    const others = waiting.get(name)
    if (others === undefined) waiting.set(name, [item])
    else others.push(item)
  }
  const cancelled = { before: new Set<T>(), after: new Set<T>() }
  for (const item of after) {
    const counterpart = waiting.get(nameOf(item))?.pop()
    if (counterpart === undefined) continue
    cancelled.before.add(counterpart)
    cancelled.after.add(item)
  }
  return cancelled
}

function groupByRowEnds(chunks: readonly ChunkRef[]): ChunkGroup[] {
  const groups: ChunkRef[][] = []
  let isInsideRow = false
  for (const chunk of chunks) {
    if (isInsideRow) groups.at(-1)!.push(chunk)
    else groups.push([chunk])
    isInsideRow = chunk.rowCount === 0
  }
  return groups
}

function splitRun<T>(run: readonly T[], isCut: (item: T) => boolean): T[][] {
  const parts: T[][] = [[]]
  for (const item of run) {
    if (isCut(item)) parts.push([])
    else parts.at(-1)!.push(item)
  }
  return parts.filter((part) => part.length > 0)
}

import type { ObjectId } from '../format/values.ts'

/** What a commit's place among others depends on. */
interface Placed {
  id: ObjectId
  commit: { createdAt: string }
  ancestorIds: readonly ObjectId[]
}

/**
 * Orders commits newest first, and every commit before its ancestors, whatever their clocks say.
 *
 * Of commits that could come next, that of the later `createdAt` does; of two of one
 * moment, that of the smaller id. So the order depends on the commits alone, and not on
 * where they were read from. Ancestors that are not among `entries` do not count.
 */
export function orderHistory<T extends Placed>(entries: readonly T[]): T[] {
  const byId = new Map(entries.map((entry) => [entry.id, entry]))
  const ancestorsOf = ({ ancestorIds }: T) =>
    [...new Set(ancestorIds)].flatMap((id) => byId.get(id) ?? [])
  const waitingFor = new Map<ObjectId, number>()
  for (const entry of entries) {
    for (const { id } of ancestorsOf(entry)) waitingFor.set(id, (waitingFor.get(id) ?? 0) + 1)
  }
  // The last is the next: taking it moves no other.
  const ready = entries.filter(({ id }) => !waitingFor.has(id)).sort(laterLast)
  const ordered: T[] = []
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    ordered.push(next)
    for (const ancestor of ancestorsOf(next)) {
      const count = waitingFor.get(ancestor.id)! - 1
      waitingFor.set(ancestor.id, count)
      if (count === 0) insert(ready, ancestor)
    }
  }
  return ordered
}

function laterLast(a: Placed, b: Placed): number {
  const [later, earlier] = [a.commit.createdAt, b.commit.createdAt]
  if (later !== earlier) return later < earlier ? -1 : 1
  return a.id < b.id ? 1 : -1
}

function insert<T extends Placed>(ready: T[], entry: T): void {
  const place = ready.findLastIndex((other) => laterLast(other, entry) < 0)
  ready.splice(place + 1, 0, entry)
}

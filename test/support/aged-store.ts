import { MemoryBackend } from '../../src/backend/memory-backend.ts'
import type { ObjectId } from '../../src/format/values.ts'
import { manifestsBeside, manifestsIn } from '../../src/history/mark-reachable.ts'
import type { ObjectDatabase } from '../../src/objects/object-database.ts'
import { readRows } from '../../src/objects/walk-manifest.ts'
import { initStore, type Store } from '../../src/store.ts'
import { ada, noon } from './store.ts'

const HOUR_MS = 3_600_000

/** The clock of a backend in memory; it stands still until a test moves it. */
export class TestClock {
  #ms = noon.getTime()

  readonly now = () => new Date(this.#ms)

  advanceHours(hours: number): void {
    this.#ms += hours * HOUR_MS
  }
}

/** A new store in memory, and the clock that dates its keys. */
export async function agedStore(): Promise<{ store: Store; clock: TestClock }> {
  const clock = new TestClock()
  const store = await initStore(new MemoryBackend({ now: clock.now }), {
    author: ada,
    at: clock.now(),
  })
  return { store, clock }
}

/** Reads a whole commit, to the last chunk; throws where anything of it is missing or damaged. */
export async function readWholeCommit(objects: ObjectDatabase, commitId: ObjectId): Promise<void> {
  const commit = await objects.readCommit(commitId)
  const tree = await objects.readTree(commit.treeId)
  for (const ref of [...manifestsBeside(commit), ...manifestsIn(tree)]) {
    for await (const _ of readRows(objects, ref));
  }
}

/** Lists the ids of all stored objects. */
export async function storedIds(store: Store): Promise<ObjectId[]> {
  await store.objects.refresh()
  return store.objects.idsWithPrefix('')
}

import { join } from 'node:path'
import { LocalBackend } from '../../src/backend/local-backend.ts'
import type { ObjectId } from '../../src/format/values.ts'
import { initStore } from '../../src/store.ts'
import { ada, commitToMain, noon, writeCommit } from '../support/store.ts'
import { NOW, type Outcome, type RunOptions, runSnap, temporaryDirectory } from './run-snap.ts'

const HOUR_MS = 3_600_000

/**
 * A directory with a store, and no database: `main` has the commits one, two, three and merge, and
 * the branch `topic`, which merge has too, has side, made after one. `rows` are in every commit.
 */
export async function sampleHistory(rows: readonly string[] = ['a\n']) {
  const workingDirectory = await temporaryDirectory()
  const backend = await LocalBackend.create(join(workingDirectory, '.snap'))
  const store = await initStore(backend, { author: ada, at: noon })
  const tables = (message: string) => ({ users: [...rows, `${message}\n`] })
  const at = (hoursAgo: number) => new Date(NOW.getTime() - hoursAgo * HOUR_MS)
  const commit = (message: string, hoursAgo: number, parentIds?: ObjectId[]) =>
    commitToMain(store, tables(message), {
      message,
      createdAt: at(hoursAgo),
      ...(parentIds === undefined ? {} : { parentIds }),
    })
  const one = await commit('one', 72)
  const two = await commit('two', 48)
  const side = await writeCommit(store, tables('side'), {
    message: 'side',
    createdAt: at(30),
    parentIds: [one],
  })
  const reason = { kind: 'branch', message: 'branch: created' } as const
  const move = { name: 'refs/heads/topic', expected: null, next: side, reason }
  await store.refs.move({ ...move, author: ada, at: at(30) })
  // Its clock was behind that of its parent.
  const three = await commit('three', 60)
  const merge = await commit('merge', 1, [three, side])
  const snap = (argv: readonly string[], options: RunOptions = {}): Promise<Outcome> =>
    runSnap(argv, { workingDirectory, ...options })
  return { snap, store, workingDirectory, ids: { one, two, side, three, merge } }
}

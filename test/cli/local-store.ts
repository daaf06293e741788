/**
 * A store in a directory with made-up commits: for what needs no database.
 */
import { join } from 'node:path'
import { LocalBackend } from '../../src/index.ts'
import { initStore, type Store } from '../../src/store.ts'
import { ada, noon } from '../support/store.ts'
import { type Outcome, type RunOptions, runSnap, temporaryDirectory } from './run-snap.ts'

export interface LocalPlace {
  directory: string
  snap(argv: readonly string[], options?: RunOptions): Promise<Outcome>
}

/**
 * @param fill       writes what the store is to hold
 * @param directory  one that is gone when the test is over, unless given
 */
export async function newLocalPlace(
  fill: (store: Store) => Promise<void> = async () => {},
  directory?: string,
): Promise<LocalPlace> {
  directory ??= await temporaryDirectory()
  const backend = await LocalBackend.create(join(directory, '.snap'))
  const store = await initStore(backend, { author: ada, at: noon })
  await fill(store)
  await store.close()
  return {
    directory,
    snap: (argv, options) => runSnap(argv, { workingDirectory: directory, ...options }),
  }
}

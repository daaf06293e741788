import { captureLiveState, type ObjectId, type Store } from '../src/index.ts'
import type { ComparedSide, LiveFlags } from './compared-states.ts'
import type { Context } from './context.ts'
import { findDatabaseOf } from './database.ts'
import { printable } from './output/printable.ts'
import { findSources } from './sources.ts'

/** Captures what is in the database now, to be compared with a commit. */
export async function openLiveSide(
  context: Context,
  store: Store,
  options: LiveFlags & { commitId: ObjectId; scratchDirectory: string; withSources: boolean },
): Promise<ComparedSide> {
  const { io, reporter } = context
  const database = await findDatabaseOf(store, context)
  const { selection, sources: committed = [] } = await store.objects.readCommit(options.commitId)
  const state = await captureLiveState(store, {
    database,
    selection,
    scratchDirectory: options.scratchDirectory,
    sources: options.withSources
      ? { configured: await findSources(store, context), committed }
      : undefined,
    reading: options.full ? 'all' : 'changed',
    jobs: options.jobs,
    lockTimeoutMs: options.lockTimeout,
    reporter,
    signal: io.signal,
  })
  return { ...state, commitId: null, label: `database ${printable(database.databaseName)}` }
}

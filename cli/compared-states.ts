import {
  captureLiveState,
  chooseRelations,
  type DatabaseState,
  type ObjectId,
  readCommittedState,
  resolveRevision,
  SnapError,
  type Store,
  shortId,
  withScratchDirectory,
} from '../src/index.ts'
import type { Context } from './context.ts'
import { findDatabaseOf } from './database.ts'
import { printable } from './output/printable.ts'
import { findSources } from './sources.ts'

/** One side of a comparison. */
export interface ComparedSide extends DatabaseState {
  /** Null for the live database. */
  commitId: ObjectId | null
  /** For people: `HEAD (3f2a9c…)`, `database shop`. */
  label: string
}

export interface Comparison {
  before: ComparedSide
  after: ComparedSide
  scratchDirectory: string
}

export interface LiveFlags {
  /** Read every table, whatever WAL summaries say. */
  full?: boolean
  jobs?: number
  lockTimeout?: number
}

/**
 * Opens what two revisions hold; without a second one, what is in the database now. Without any, HEAD is the first.
 *
 * Between two commits no database is looked for.
 */
export async function withComparison<T>(
  context: Context,
  store: Store,
  wanted: {
    revisions: readonly (string | undefined)[]
    live: LiveFlags
    /** Whether other datastores are compared too. */
    withSources: boolean
  },
  work: (comparison: Comparison) => Promise<T>,
): Promise<T> {
  const [first = 'HEAD', second] = wanted.revisions
  return withScratchDirectory(async (scratchDirectory) => {
    const before = await openCommit(context, store, first)
    const after =
      second === undefined
        ? await openLive(context, store, {
            commitId: before.commitId,
            scratchDirectory,
            withSources: wanted.withSources,
            ...wanted.live,
          })
        : await openCommit(context, store, second)
    return work({ before, after, scratchDirectory })
  })
}

async function openCommit(
  { io }: Context,
  store: Store,
  revision: string,
): Promise<ComparedSide & { commitId: ObjectId }> {
  const commitId = await resolveRevision(store, revision, { now: io.now() })
  const state = await readCommittedState(store, commitId)
  return { ...state, commitId, label: `${printable(revision)} (${shortId(commitId)})` }
}

async function openLive(
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

/**
 * Makes a test of which tables the patterns given with --table mean, of those that either side has.
 *
 * @throws USAGE, PATTERN_UNMATCHED
 */
export function chooseTables(
  patterns: readonly string[],
  { before, after }: Pick<Comparison, 'before' | 'after'>,
): (table: { namespace: string; name: string }) => boolean {
  return chooseRelations(patterns, [...before.tree.tables, ...after.tree.tables])
}

/** @throws USAGE  more than one of the flags is set */
export function requireOneOf(flags: Readonly<Record<string, boolean>>): void {
  const set = Object.keys(flags).filter((name) => flags[name])
  if (set.length < 2) return
  throw new SnapError('USAGE', `${set.join(' and ')} cannot be used together`, {
    argument: set[1]!,
  })
}

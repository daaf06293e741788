import {
  chooseRelations,
  type DatabaseState,
  type ObjectId,
  readCommittedState,
  resolveRevision,
  SnapError,
  type Store,
  shortId,
  withScratchDirectory,
} from '../src/store-index.ts'
import type { Context } from './context.ts'
import { printable } from './output/printable.ts'

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
        ? // Loaded here, because with it comes all that a database is read with.
          await (await import('./live-side.ts')).openLiveSide(context, store, {
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

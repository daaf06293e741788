/**
 * Plans how a live state becomes a commit's, or the part of it that was asked for.
 */
import { isDeepStrictEqual } from 'node:util'
import { SnapError } from '../errors.ts'
import type { PartOfDatabase } from '../format/ref-record.ts'
import type { Commit, SequenceState } from '../format/values.ts'
import type { StreamReader } from '../objects/walk-manifest.ts'
import { serverMajorOf } from '../postgres/server-major.ts'
import type { PartRequested } from './checkout-part.ts'
import { compareTables, hasSameLargeObjects } from './compare-trees.ts'
import type { ColumnWarning } from './fit-columns.ts'
import { type InPlaceChange, planInPlaceChange } from './in-place-change.ts'
import type { LiveState } from './live-state.ts'
import { cannotRestorePart } from './part-errors.ts'
import { basisOf, makePartTarget } from './part-target.ts'
import { tableKey } from './plan-surgery.ts'
import type { RestoreTarget } from './restore-state.ts'
import { readSequences } from './set-sequences.ts'

/** The live state and how it is to become what is aimed at. */
export interface PlannedChange {
  live: LiveState
  change: InPlaceChange
  /** What is aimed at; the live state decides it where only a part of the commit is restored. */
  target: RestoreTarget
  /** The live state is what is aimed at already. */
  isNoOp: boolean
  /** Tables, views and sequences that are restored, by `tableKey`; null when all are. */
  chosen: ReadonlySet<string> | null
  /** What taking the checkout back is about; null when that is everything. */
  recorded: PartOfDatabase | null
  warnings: ColumnWarning[]
}

export interface ChangeRequest {
  commit: Commit
  /** The whole commit. */
  target: RestoreTarget
  part: PartRequested | null
}

/**
 * @param liveObjects  reads the rows of both sides
 * @throws RESTORE_FAILED  what differs cannot be changed by itself, and a part must not rebuild the rest
 * @throws what `makePartTarget` throws, OBJECT_MISSING, OBJECT_CORRUPT, ABORTED
 */
export async function planChange(
  live: LiveState,
  liveObjects: StreamReader,
  { commit, target, part }: ChangeRequest,
): Promise<PlannedChange> {
  const sourceMajor = serverMajorOf(commit.database)
  if (part === null) {
    const change = await planInPlaceChange(live, liveObjects, target, commit.database)
    const isNoOp = live.treeId === commit.treeId
    const whole = { chosen: null, recorded: null, warnings: [] }
    return { live, change, target, isNoOp, ...whole }
  }
  const liveMajor = serverMajorOf(live.capture.database)
  if (part.aspect !== 'data' && liveMajor !== sourceMajor) throw otherMajor(sourceMajor, liveMajor)
  const made = await makePartTarget(part, basisOf(live), target, liveObjects)
  // Rows are worded alike on every major; the schema is the live one then.
  const change = await planInPlaceChange(live, liveObjects, made.target, live.capture.database)
  if (change.form === 'general') throw cannotRestorePart(change.because)
  const isNoOp = isReached(live, made.target, change) && !(await movesSequences(live, made.target))
  return { live, change, isNoOp, ...made }
}

/** Where rows stay their sequences do, and are not in the target at all. */
async function movesSequences(live: LiveState, { tree, objects }: RestoreTarget): Promise<boolean> {
  const textOf = ({ namespace, name, lastValue, isCalled }: SequenceState) =>
    JSON.stringify([namespace, name, lastValue, isCalled])
  const positions = new Set(live.capture.sequences.map(textOf))
  const wanted = await readSequences(objects, tree.sequences)
  return wanted.some((state) => !positions.has(textOf(state)))
}

/** Whether nothing is left to do, positions of sequences aside. */
function isReached(
  live: LiveState,
  { tree }: RestoreTarget,
  { surgery }: Extract<InPlaceChange, { form: 'surgical' }>,
): boolean {
  const changed = compareTables(live.tree, tree).filter(
    ({ namespace, name, change }) =>
      change !== 'unchanged' &&
      (change !== 'changed' || surgery.rowSteps.has(tableKey({ namespace, name }))) &&
      change !== 'dataKept',
  )
  return (
    changed.length === 0 &&
    surgery.dropped.length === 0 &&
    surgery.created.length === 0 &&
    surgery.altered.size === 0 &&
    isDeepStrictEqual(live.tree.materializedViews, tree.materializedViews) &&
    hasSameLargeObjects(live.tree, tree)
  )
}

function otherMajor(expected: number, found: number): SnapError<'POSTGRES_UNSUPPORTED'> {
  return new SnapError(
    'POSTGRES_UNSUPPORTED',
    `cannot restore a part: the commit was made on PostgreSQL ${expected}, whose definitions are worded in other ways than those of ${found}`,
    { expected: `PostgreSQL ${expected}`, found: `PostgreSQL ${found}` },
    { hint: 'restore the rows alone with --data-only, or check out the whole commit' },
  )
}

/**
 * Draws a history beside its list, newest first: `*` is a commit, a line leads from it to each of its
 * ancestors. Every line that leaves a row arrives in the next one, unless the graph is cut to a width.
 *
 * Rows have to come with every commit before its ancestors; an ancestor that never comes leaves
 * its line open to the end, as in a list that is cut short.
 */
import type { ObjectId } from '../../src/store-index.ts'

export interface GraphRow {
  /** Stands before the commit's first line. */
  own: string
  /** Stands before its further lines. */
  below: string
}

export interface GraphCommit {
  id: ObjectId
  ancestorIds: readonly ObjectId[]
}

/** More lines of history side by side than this are not drawn, unless there is room. */
const DEFAULT_MAX_LANES = 8

/** Draws row after row, so that a list need not be complete. */
export class CommitGraph {
  /** The commit that each line leads to; undefined where a line has ended. */
  #lanes: (ObjectId | undefined)[] = []
  readonly #maxLanes: number

  constructor({ maxLanes = DEFAULT_MAX_LANES }: { maxLanes?: number } = {}) {
    this.#maxLanes = maxLanes
  }

  next({ id, ancestorIds }: GraphCommit): GraphRow {
    const before = this.#lanes
    const after = [...before]
    const own = placeOf(after, id)
    const ending = lanesOf(before, id).filter((lane) => lane !== own)
    const [first, ...others] = ancestorIds
    after[own] = first
    // The place of a line that ends here is free from the next row on.
    const beginning = others.map((ancestorId) => {
      const known = after.indexOf(ancestorId)
      if (known !== -1) return known
      const lane = firstFree(after)
      after[lane] = ancestorId
      return lane
    })
    for (const lane of ending) after[lane] = undefined
    while (after.length > 0 && after.at(-1) === undefined) after.pop()
    this.#lanes = after
    return {
      own: this.#draw({ own, before, after, joined: new Set([...ending, ...beginning]) }),
      below: after
        .slice(0, this.#maxLanes)
        .map((lane) => (lane === undefined ? ' ' : '│'))
        .join(' '),
    }
  }

  #draw(row: {
    own: number
    before: readonly (ObjectId | undefined)[]
    after: readonly (ObjectId | undefined)[]
    joined: ReadonlySet<number>
  }): string {
    const { own, before, after, joined } = row
    const from = Math.min(own, ...joined)
    const to = Math.max(own, ...joined)
    const laneCount = Math.max(before.length, to + 1)
    let text = ''
    for (let lane = 0; lane < Math.min(laneCount, this.#maxLanes); lane++) {
      if (lane === own) text += '*'
      else {
        const isBetween = lane > from && lane < to
        text += drawLane({
          above: before[lane] !== undefined,
          // A line that goes by another one has to be told from one that ends in it.
          below: joined.has(lane) ? after[lane] !== undefined : before[lane] !== undefined,
          left: isBetween || (joined.has(lane) && lane > own),
          right: isBetween || (joined.has(lane) && lane < own),
        })
      }
      if (lane < laneCount - 1) text += lane >= from && lane < to ? '─' : ' '
    }
    return text.trimEnd()
  }
}

/** The first lines of all rows. */
export function drawGraph(commits: readonly GraphCommit[]): string[] {
  const graph = new CommitGraph()
  return commits.map((commit) => graph.next(commit).own)
}

function lanesOf(lanes: readonly (ObjectId | undefined)[], id: ObjectId): number[] {
  return lanes.flatMap((wanted, lane) => (wanted === id ? [lane] : []))
}

function placeOf(lanes: readonly (ObjectId | undefined)[], id: ObjectId): number {
  const waiting = lanes.indexOf(id)
  return waiting === -1 ? firstFree(lanes) : waiting
}

function firstFree(lanes: readonly (ObjectId | undefined)[]): number {
  const free = lanes.indexOf(undefined)
  return free === -1 ? lanes.length : free
}

interface Ends {
  above: boolean
  below: boolean
  left: boolean
  right: boolean
}

/** By the ends that lines have in a place: above, below, left, right. */
const BOX_CHARACTERS: Readonly<Record<string, string>> = {
  '': ' ',
  ab: '│',
  lr: '─',
  abl: '┤',
  abr: '├',
  ablr: '┼',
  al: '┘',
  ar: '└',
  alr: '┴',
  bl: '┐',
  br: '┌',
  blr: '┬',
}

function drawLane({ above, below, left, right }: Ends): string {
  const ends = [above && 'a', below && 'b', left && 'l', right && 'r'].filter(Boolean).join('')
  return BOX_CHARACTERS[ends] ?? ' '
}

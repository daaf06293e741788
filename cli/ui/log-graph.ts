import type { ObjectId } from '../../src/index.ts'

/** More lines of history side by side than this are not drawn. */
const MAX_LANES = 8

/**
 * Draws the history, one line a commit, newest first: `*` is the commit, `│` a line that passes by,
 * `┘` one that ends in it, `┐` one that begins at it.
 */
export function drawGraph(
  commits: readonly { id: ObjectId; ancestorIds: readonly ObjectId[] }[],
): string[] {
  /** The commit that each line leads to; undefined where a line has ended. */
  const lanes: (ObjectId | undefined)[] = []
  return commits.map(({ id, ancestorIds }) => {
    const before = [...lanes]
    const own = placeOf(lanes, id)
    const ending = lanes.flatMap((wanted, lane) => (wanted === id && lane !== own ? [lane] : []))
    for (const lane of ending) lanes[lane] = undefined
    const [first, ...others] = ancestorIds
    lanes[own] = first
    const beginning = others.map((ancestorId) => {
      const known = lanes.indexOf(ancestorId)
      if (known !== -1) return known
      const lane = firstFree(lanes)
      lanes[lane] = ancestorId
      return lane
    })
    const drawn = drawLine({ own, before, ending, beginning })
    while (lanes.length > 0 && lanes.at(-1) === undefined) lanes.pop()
    return drawn
  })
}

function placeOf(lanes: readonly (ObjectId | undefined)[], id: ObjectId): number {
  const waiting = lanes.indexOf(id)
  return waiting === -1 ? firstFree(lanes) : waiting
}

function firstFree(lanes: readonly (ObjectId | undefined)[]): number {
  const free = lanes.indexOf(undefined)
  return free === -1 ? lanes.length : free
}

function drawLine(line: {
  own: number
  before: readonly (ObjectId | undefined)[]
  ending: readonly number[]
  beginning: readonly number[]
}): string {
  const { own, before, ending, beginning } = line
  const width = Math.min(MAX_LANES, Math.max(own, before.length - 1, ...beginning) + 1)
  const from = Math.min(own, ...ending, ...beginning)
  const to = Math.max(own, ...ending, ...beginning)
  let text = ''
  for (let lane = 0; lane < width; lane++) {
    const isBetween = lane > from && lane < to
    if (lane === own) text += '*'
    else if (ending.includes(lane)) text += lane > own ? '┘' : '└'
    else if (beginning.includes(lane)) {
      text += before[lane] === undefined ? (lane > own ? '┐' : '┌') : lane > own ? '┤' : '├'
    } else if (before[lane] !== undefined) text += isBetween ? '┼' : '│'
    else text += isBetween ? '─' : ' '
    if (lane < width - 1) text += lane >= from && lane < to ? '─' : ' '
  }
  return text
}

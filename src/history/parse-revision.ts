/** One step from the object before it to another. */
export type RevisionStep =
  | { kind: 'ancestor'; generations: number }
  | { kind: 'parent'; number: number }
  | { kind: 'peel'; to: 'commit' | 'tree' }

/** A revision as it was written: where to begin, and steps from there. */
export interface RevisionExpression {
  /** A ref's name, an id or a prefix of one, `HEAD`; empty for the current branch in `@{1}`. */
  base: string
  /** What stood in `@{…}`, or null. */
  logPlace: string | null
  steps: RevisionStep[]
}

const STEP_PATTERN = /^(?:~(?<generations>\d{0,9})|\^\{(?<peel>commit|tree)\}|\^(?<parent>\d{0,9}))/

/**
 * Parses a revision: `main`, `HEAD~2`, `main@{1}^2`, `1f3a~`, `v1^{tree}`.
 *
 * @returns  `undefined` when the text is no revision
 * @see gitrevisions(7), whose words these are
 */
export function parseRevision(text: string): RevisionExpression | undefined {
  const baseEnd = text.search(/[~^]|@\{/)
  const base = baseEnd === -1 ? text : text.slice(0, baseEnd)
  let rest = text.slice(base.length)
  const place = /^@\{([^}]*)\}/.exec(rest)
  rest = rest.slice(place?.[0].length ?? 0)
  const steps: RevisionStep[] = []
  while (rest !== '') {
    const match = STEP_PATTERN.exec(rest)
    if (match === null) return undefined
    steps.push(toStep(match.groups ?? {}))
    rest = rest.slice(match[0].length)
  }
  if (base === '' && place === null) return undefined
  return { base: base === '@' ? 'HEAD' : base, logPlace: place?.[1] ?? null, steps }
}

function toStep(groups: Record<string, string | undefined>): RevisionStep {
  const { generations, peel, parent } = groups
  if (generations !== undefined) {
    return { kind: 'ancestor', generations: Number(generations || '1') }
  }
  if (peel !== undefined) return { kind: 'peel', to: peel === 'tree' ? 'tree' : 'commit' }
  return { kind: 'parent', number: Number(parent || '1') }
}

const DAY_MS = 86_400_000
const UNIT_MS: Record<string, number> = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: DAY_MS,
  week: 7 * DAY_MS,
}

/**
 * Reads a moment as written in `@{…}`: `2 hours ago`, `yesterday`, an ISO 8601 date or time.
 *
 * @returns  `undefined` when the text is no moment
 */
export function parseMoment(text: string, now: Date): Date | undefined {
  if (text === 'now') return now
  if (text === 'yesterday') return new Date(now.getTime() - DAY_MS)
  const ago = /^(\d{1,6})[ .](second|minute|hour|day|week)s?[ .]ago$/.exec(text)
  if (ago !== null) return new Date(now.getTime() - Number(ago[1]) * UNIT_MS[ago[2]!]!)
  if (!/^\d{4}-\d{2}-\d{2}([T ].*)?$/.test(text)) return undefined
  const moment = new Date(text)
  return Number.isNaN(moment.getTime()) ? undefined : moment
}

/**
 * Decides which commits retention keeps, and why; touches nothing.
 *
 * The rules for numbers and periods are applied to each line of history on its
 * own: that of every branch, and of HEAD when it is on none. A commit stays when
 * any rule of any line keeps it. Some stay whatever the rules say: tips, HEAD,
 * pins, what undo returns to, and the last one left from before a migration.
 */
import { SnapError } from '../errors.ts'
import type { Commit, MigrationHead, ObjectId } from '../format/values.ts'
import { HEAD, PIN_PREFIX, SAFETY_REF, shortRefName, TAG_PREFIX } from '../refs/ref-name.ts'
import { PERIOD_KINDS, type PeriodKind, periodNames } from './retention-periods.ts'

export interface RetentionPolicy {
  /** The newest so many of each line. */
  keepLast?: number | undefined
  /** The newest of each of the last so many hours, days, … that have any, and the oldest while those are fewer. */
  keepHourly?: number | undefined
  keepDaily?: number | undefined
  keepWeekly?: number | undefined
  keepMonthly?: number | undefined
  keepYearly?: number | undefined
  /** Those at most so much older than the newest of their line. */
  keepWithinMs?: number | undefined
  /** Tags that keep their commit, with `*` and `?`; a tag that does not match is removed with its commit. Default: every tag. */
  keepTags?: readonly string[] | undefined
  /** How long safety commits are kept, and commits that no branch leads to any more. Default 14 days. */
  keepSafetyMs?: number | undefined
  /** Where days begin; an IANA name. Default UTC, so that every machine decides alike. */
  timeZone?: string | undefined
}

export const DEFAULT_KEEP_SAFETY_MS = 14 * 24 * 60 * 60 * 1000

/** Why a commit stays. */
export type KeepReason =
  | { kind: 'head' }
  /** A branch points at it. */
  | { kind: 'tip'; refName: string }
  | { kind: 'tag'; refName: string }
  | { kind: 'pin'; message: string }
  /** The last checkout can be undone to it. */
  | { kind: 'undo' }
  /** Number `place` (1 and up) of the newest of a line. */
  | { kind: 'last'; line: string; place: number }
  /** Of a period the newest; or the oldest of its line, while there are fewer periods than asked for. */
  | { kind: PeriodKind; line: string; period: string; isOldest: boolean }
  | { kind: 'within'; line: string }
  /** Nothing else of its line is left from before these migrations. */
  | { kind: 'beforeMigration'; line: string; migrations: MigrationHead[] }
  /** A safety commit, or one that no branch leads to, and that is not long ago. */
  | { kind: 'safety' | 'offBranch'; since: string }
  /** A ref of another kind points at it. */
  | { kind: 'ref'; refName: string }

/** One commit that is stored, with its place in the history. */
export interface HistoryEntry {
  id: ObjectId
  commit: Commit
  /** The nearest ancestors that are left. */
  ancestorIds: readonly ObjectId[]
  /** When it was made, or last named by a ref record: its own or one of a descendant. The later. */
  lastSeenAt: string
}

/** All that the decision depends on. */
export interface HistoryFacts {
  /** Each once, as `orderHistory` orders them: newest first, descendants before ancestors. */
  entries: readonly HistoryEntry[]
  /** Every ref that exists but HEAD, with what the record that moved it there says. */
  refs: readonly { name: string; id: ObjectId; message: string }[]
  head: { targetRef: string | null; id: ObjectId | null }
  /** Commits that undoing the last checkout needs. */
  undoIds: readonly ObjectId[]
}

export interface PruneDecision {
  id: ObjectId
  commit: Commit
  /** Empty: it goes. */
  reasons: KeepReason[]
}

export interface PrunePlan {
  policy: RetentionPolicy
  /** The moment the ages are told by. */
  at: string
  /** Newest first. */
  decisions: PruneDecision[]
  /** Tags that keep nothing, and the safety ref, where their commit goes. */
  removedRefs: { name: string; id: ObjectId }[]
}

/**
 * @throws USAGE  the policy has no rule that keeps anything, or an unknown time zone
 */
export function planPrune(facts: HistoryFacts, policy: RetentionPolicy, now: Date): PrunePlan {
  assertPolicy(policy)
  const reasons = new Map<ObjectId, KeepReason[]>(facts.entries.map(({ id }) => [id, []]))
  const keep = (id: ObjectId, reason: KeepReason) => reasons.get(id)?.push(reason)
  const lines = linesOf(facts)

  if (facts.head.id !== null) keep(facts.head.id, { kind: 'head' })
  for (const ref of facts.refs) {
    const reason = reasonOfRef(ref, policy)
    if (reason !== undefined) keep(ref.id, reason)
  }
  for (const id of facts.undoIds) keep(id, { kind: 'undo' })
  for (const line of lines) applyRules(line, policy, keep)
  keepRecentOffBranch(facts, lines, { policy, now, keep })
  // Last: it keeps a commit only where nothing else has.
  for (const line of lines) keepOneBeforeEachMigration(line, reasons, keep)

  const decisions = facts.entries.map(({ id, commit }) => ({
    id,
    commit,
    reasons: reasons.get(id)!,
  }))
  const removedRefs = facts.refs
    .filter(({ id }) => reasons.get(id)?.length === 0)
    .map(({ name, id }) => ({ name, id }))
  return { policy, at: now.toISOString(), decisions, removedRefs }
}

/** Returns the commits that a plan removes. */
export function removalsOf(plan: PrunePlan): PruneDecision[] {
  return plan.decisions.filter(({ reasons }) => reasons.length === 0)
}

interface Line {
  name: string
  /** Newest first. */
  entries: readonly HistoryEntry[]
}

type Keep = (id: ObjectId, reason: KeepReason) => void

/** A ref other than a tag or one of snap's own is a branch, be it of this store or of a remote. */
function isBranch(refName: string): boolean {
  return !refName.startsWith(TAG_PREFIX) && !refName.startsWith('refs/snap/')
}

function linesOf(facts: HistoryFacts): Line[] {
  const tips = facts.refs
    .filter(({ name }) => isBranch(name))
    .map(({ name, id }) => ({ name: shortRefName(name), id }))
  const { targetRef, id } = facts.head
  if (targetRef === null && id !== null) tips.push({ name: HEAD, id })
  const byId = new Map(facts.entries.map((entry) => [entry.id, entry]))
  return tips.map(({ name, id }) => {
    const ids = new Set<ObjectId>()
    const open = [id]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (ids.has(next)) continue
      ids.add(next)
      open.push(...(byId.get(next)?.ancestorIds ?? []))
    }
    return { name, entries: facts.entries.filter((entry) => ids.has(entry.id)) }
  })
}

function reasonOfRef(
  ref: { name: string; message: string },
  policy: RetentionPolicy,
): KeepReason | undefined {
  const refName = ref.name
  if (isBranch(refName)) return { kind: 'tip', refName }
  if (refName.startsWith(TAG_PREFIX)) {
    const tagName = shortRefName(refName)
    const isKept = policy.keepTags?.some((pattern) => matches(pattern, tagName)) ?? true
    return isKept ? { kind: 'tag', refName } : undefined
  }
  if (refName.startsWith(PIN_PREFIX)) return { kind: 'pin', message: ref.message }
  // A safety commit stays for its age, or because undo needs it.
  return refName === SAFETY_REF ? undefined : { kind: 'ref', refName }
}

function applyRules({ name, entries }: Line, policy: RetentionPolicy, keep: Keep): void {
  const line = name
  for (const [i, { id }] of entries.slice(0, policy.keepLast ?? 0).entries()) {
    keep(id, { kind: 'last', line, place: i + 1 })
  }
  const nameOf = periodNames(policy.timeZone ?? 'UTC')
  const counts: Record<PeriodKind, number | undefined> = {
    hourly: policy.keepHourly,
    daily: policy.keepDaily,
    weekly: policy.keepWeekly,
    monthly: policy.keepMonthly,
    yearly: policy.keepYearly,
  }
  for (const kind of PERIOD_KINDS) {
    const count = counts[kind] ?? 0
    const periods = new Set<string>()
    for (const [i, { id, commit }] of entries.entries()) {
      if (periods.size === count) break
      const period = nameOf(kind, new Date(commit.createdAt))
      // The oldest stays while periods are wanting, as with restic: a rule for months that has run
      // for days would else have taken all that was made before the days that are kept.
      const isOldest = i === entries.length - 1 && periods.has(period)
      if (periods.has(period) && !isOldest) continue
      periods.add(period)
      keep(id, { kind, line, period, isOldest })
    }
  }
  const newest = entries[0]
  if (policy.keepWithinMs === undefined || newest === undefined) return
  // From the newest commit and not from today: a database that is left alone loses nothing by it.
  const oldestMs = Date.parse(newest.commit.createdAt) - policy.keepWithinMs
  for (const { id, commit } of entries) {
    if (Date.parse(commit.createdAt) >= oldestMs) keep(id, { kind: 'within', line })
  }
}

function keepRecentOffBranch(
  facts: HistoryFacts,
  lines: readonly Line[],
  options: { policy: RetentionPolicy; now: Date; keep: Keep },
): void {
  const { policy, now, keep } = options
  const onLines = new Set(lines.flatMap(({ entries }) => entries.map(({ id }) => id)))
  const oldestMs = now.getTime() - (policy.keepSafetyMs ?? DEFAULT_KEEP_SAFETY_MS)
  for (const { id, commit, lastSeenAt } of facts.entries) {
    if (onLines.has(id) || Date.parse(lastSeenAt) < oldestMs) continue
    const kind = commit.purpose === 'safety' ? 'safety' : 'offBranch'
    keep(id, { kind, since: lastSeenAt })
  }
}

/**
 * Where the applied migrations change along a line, one commit from before stays: the newest of
 * the stretch that had the older ones, unless another of that stretch stays anyway.
 */
function keepOneBeforeEachMigration(
  { name, entries }: Line,
  reasons: ReadonlyMap<ObjectId, readonly KeepReason[]>,
  keep: Keep,
): void {
  const stretches: HistoryEntry[][] = []
  for (const entry of entries) {
    const newer = stretches.at(-1)
    if (newer !== undefined && hasSameMigrations(newer[0]!, entry)) newer.push(entry)
    else stretches.push([entry])
  }
  for (const [i, stretch] of stretches.entries()) {
    if (i === 0 || stretch.some(({ id }) => reasons.get(id)!.length > 0)) continue
    const { migrations } = stretches[i - 1]!.at(-1)!.commit
    keep(stretch[0]!.id, { kind: 'beforeMigration', line: name, migrations })
  }
}

function hasSameMigrations(a: HistoryEntry, b: HistoryEntry): boolean {
  return JSON.stringify(a.commit.migrations) === JSON.stringify(b.commit.migrations)
}

/** `*` stands for any characters, `?` for one. */
function matches(pattern: string, name: string): boolean {
  const source = pattern
    .split(/([*?])/)
    .map((part) =>
      part === '*' ? '.*' : part === '?' ? '.' : part.replace(/[\\^$.|+()[\]{}/]/g, '\\$&'),
    )
  return new RegExp(`^${source.join('')}$`, 'su').test(name)
}

/**
 * Refuses a policy that would keep nothing by its rules.
 *
 * @throws USAGE  it has no rule that keeps anything, or an unknown time zone
 */
export function assertPolicy(policy: RetentionPolicy): void {
  const { keepTags, keepSafetyMs: _safety, timeZone, ...numbers } = policy
  const hasRule = Object.values(numbers).some((value) => value !== undefined && value > 0)
  if (!hasRule && (keepTags === undefined || keepTags.length === 0)) {
    throw new SnapError(
      'USAGE',
      'which commits to keep is missing',
      { argument: '--keep-last' },
      { hint: 'say what to keep, for example --keep-last 7 --keep-daily 30' },
    )
  }
  try {
    periodNames(timeZone ?? 'UTC')
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new SnapError(
      'USAGE',
      `there is no time zone '${timeZone}'`,
      { argument: '--time-zone' },
      { cause, hint: 'write it as Europe/Berlin or UTC' },
    )
  }
}

/**
 * What is to be applied, told from the files and the history. Pure.
 */
import { SnapError } from '../errors.ts'
import { compareNames } from '../migrations/pending-migrations.ts'
import type { HistoryEntry } from './history-table.ts'
import type { Migration } from './read-migration.ts'

export interface MigrationStatus {
  name: string
  /**
   * `changed`: edited after it was applied. `missing`: applied, and the file is gone. `outOfOrder`:
   * not applied, while a later one is. `unfinished`: failed half-way, outside a transaction.
   */
  state: 'applied' | 'pending' | 'changed' | 'missing' | 'outOfOrder' | 'unfinished'
  isFaked: boolean
  /** Null where it is not known: the file is gone. */
  isTransactional: boolean | null
  appliedAt: Date | null
}

export interface MigrationPlan {
  /** Every file and every entry of the history, in order. */
  statuses: MigrationStatus[]
  /** In the order in which they are to be applied. */
  pending: Migration[]
  /** Applied, and not what the file says now; `found` is null where there is no file. */
  drift: { name: string; expected: string; found: string | null }[]
  outOfOrder: Migration[]
  unfinished: Migration[]
  newestApplied: string | null
}

/**
 * Plans a migration.
 *
 * @param migrations  in order
 * @param upTo        the last that is to be applied; its whole name, or a beginning that only one has
 * @throws USAGE  `upTo` is no file, or may be several
 */
export function planMigrations(
  migrations: readonly Migration[],
  history: readonly HistoryEntry[],
  { upTo }: { upTo?: string | undefined } = {},
): MigrationPlan {
  const entries = new Map(history.map((entry) => [entry.name, entry]))
  const files = new Map(migrations.map((migration) => [migration.name, migration]))
  const applied = history.filter(({ state }) => state === 'applied').map(({ name }) => name)
  const newestApplied = applied.sort(compareNames).at(-1) ?? null
  const last = upTo === undefined ? undefined : findLast(migrations, upTo)
  const isWanted = ({ name }: Migration) => last === undefined || compareNames(name, last) <= 0

  const stateOf = (name: string): MigrationStatus['state'] => {
    const [entry, migration] = [entries.get(name), files.get(name)]
    if (migration === undefined) return 'missing'
    if (entry === undefined) {
      const isLate = newestApplied !== null && compareNames(name, newestApplied) < 0
      return isLate ? 'outOfOrder' : 'pending'
    }
    if (entry.state === 'begun') return 'unfinished'
    return entry.checksum === migration.checksum ? 'applied' : 'changed'
  }
  const names = [...new Set([...files.keys(), ...entries.keys()])].sort(compareNames)
  const statuses = names.map((name) => ({
    name,
    state: stateOf(name),
    isFaked: entries.get(name)?.isFaked ?? false,
    isTransactional: files.get(name)?.isTransactional ?? null,
    appliedAt: entries.get(name)?.appliedAt ?? null,
  }))
  const inState = (...states: MigrationStatus['state'][]) =>
    statuses.filter(({ state }) => states.includes(state)).map(({ name }) => name)
  const filesInState = (...states: MigrationStatus['state'][]) =>
    inState(...states).flatMap((name) => files.get(name) ?? [])
  return {
    statuses,
    pending: filesInState('pending', 'outOfOrder').filter(isWanted),
    drift: inState('changed', 'missing').map((name) => ({
      name,
      expected: entries.get(name)!.checksum,
      found: files.get(name)?.checksum ?? null,
    })),
    outOfOrder: filesInState('outOfOrder').filter(isWanted),
    unfinished: filesInState('unfinished'),
    newestApplied,
  }
}

/**
 * Refuses a plan that must not be carried out as it is.
 *
 * @throws MIGRATION_DRIFT, MIGRATION_UNFINISHED, MIGRATION_OUT_OF_ORDER
 */
export function requireApplicable(
  { drift, unfinished, outOfOrder, newestApplied }: MigrationPlan,
  allowed: { drift?: boolean; unfinished?: boolean; outOfOrder?: boolean } = {},
): void {
  if (drift.length > 0 && !allowed.drift) throw drifted(drift)
  const [begun] = unfinished
  if (begun !== undefined && !allowed.unfinished) {
    throw new SnapError(
      'MIGRATION_UNFINISHED',
      `cannot migrate: '${begun.name}' was begun without a transaction and did not come to its end`,
      { file: begun.file },
      {
        hint: "return to the state before with 'snap rollback', or finish it by hand and note that with 'snap migrate --fake'",
      },
    )
  }
  const [late, ...others] = outOfOrder
  if (late !== undefined && !allowed.outOfOrder) {
    const more = others.length === 0 ? '' : ` and ${others.length} more`
    throw new SnapError(
      'MIGRATION_OUT_OF_ORDER',
      `cannot migrate: '${late.name}'${more} belongs before '${newestApplied}', which is applied`,
      { files: outOfOrder.map(({ file }) => file), newestApplied: newestApplied! },
      { hint: 'give the file a later number, or apply it now with --allow-out-of-order' },
    )
  }
}

function drifted(drift: MigrationPlan['drift']): SnapError {
  const [first, ...others] = drift
  const what = first!.found === null ? 'is gone' : 'was edited'
  const more = others.length === 0 ? '' : `, as ${others.length} more were edited or are gone`
  return new SnapError(
    'MIGRATION_DRIFT',
    `cannot migrate: '${first!.name}' ${what} after it was applied${more}`,
    { files: drift.map(({ name, expected, found }) => ({ file: name, expected, found })) },
    {
      hint: 'put back what was applied and write the change as a new file; --accept-drift takes the files as they are',
    },
  )
}

function findLast(migrations: readonly Migration[], upTo: string): string {
  const names = migrations.map(({ name }) => name)
  if (names.includes(upTo)) return upTo
  const candidates = names.filter((name) => name.startsWith(upTo))
  if (candidates.length === 1) return candidates[0]!
  const problem =
    candidates.length === 0 ? 'is no migration' : `may be any of ${candidates.join(', ')}`
  throw new SnapError('USAGE', `cannot stop at '${upTo}': it ${problem}`, { argument: '--to' })
}

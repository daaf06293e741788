import {
  type Alarm,
  type Condition,
  type ConditionOutcome,
  captureLiveState,
  type DatabaseAddress,
  diffStates,
  evaluateCondition,
  findAlarms,
  isDatabaseStillAt,
  type LiveStateOptions,
  type MigrationHead,
  measureTables,
  type OperationChanges,
  type Rules,
  type Source,
  type StateDiff,
  type Store,
  withScratchDirectory,
} from '../../src/index.ts'
import type { GuardCommit } from './guard-commit.ts'

/** What a run has changed, as its report tells it. */
export interface RunReport {
  isChanged: boolean
  diff: StateDiff
  /** Tools that are at another migration than before; null where there were, or are, no books of it. */
  migrations: { tool: string; table: string; before: string[] | null; after: string[] | null }[]
  alarms: Alarm[]
  /** In the order in which they were given. */
  conditions: ConditionOutcome[]
}

const NO_DIFFERENCE: StateDiff = {
  isEqual: true,
  tables: [],
  schema: [],
  sequences: [],
  largeObjects: { added: [], removed: [], changed: [] },
  materializedViews: [],
  sources: [],
}

/**
 * Tells what differs between the guard commit and the database as it is now.
 *
 * The database is not read when the server says that nothing has been written; of other datastores
 * nobody can say so.
 *
 * @throws what `captureLiveState` throws
 */
export async function compareWithGuard(
  store: Store,
  guard: GuardCommit,
  options: Omit<LiveStateOptions, 'selection' | 'scratchDirectory' | 'sources'> & {
    database: DatabaseAddress
    sources: readonly Source[]
    rules: Rules
    conditions: readonly Condition[]
  },
): Promise<RunReport> {
  const { database, rules, conditions, signal } = options
  const judge = (after: GuardCommit['state'], diff: StateDiff) => {
    const tables = measureTables(guard.state, after, diff)
    return {
      alarms: diff.isEqual ? [] : findAlarms(rules, tables),
      conditions: conditions.map((condition) => evaluateCondition(condition, tables)),
    }
  }
  const committed = guard.commit.sources ?? []
  if (committed.length === 0 && (await isDatabaseStillAt(database, guard.moment, signal))) {
    const judged = judge(guard.state, NO_DIFFERENCE)
    return { isChanged: false, diff: NO_DIFFERENCE, migrations: [], ...judged }
  }
  return withScratchDirectory(async (scratchDirectory) => {
    const { selection } = guard.commit
    const sources = { configured: options.sources, committed }
    const reading = { ...options, selection, sources, scratchDirectory }
    const after = await captureLiveState(store, reading)
    const diff = await diffStates(guard.state, after, { scratchDirectory, signal })
    return {
      // Rows in another order are a change that a rollback would take back.
      isChanged: after.treeId !== guard.state.treeId || diff.sources.length > 0,
      diff,
      migrations: compareMigrations(guard.commit.migrations, after.migrations),
      ...judge(after, diff),
    }
  })
}

function compareMigrations(
  before: readonly MigrationHead[],
  after: readonly MigrationHead[],
): RunReport['migrations'] {
  const keyOf = ({ tool, table }: MigrationHead) => `${tool}\0${table}`
  const [headsBefore, headsAfter] = [before, after].map(
    (heads) => new Map(heads.map((head) => [keyOf(head), head])),
  )
  const all = new Map([...before, ...after].map((head) => [keyOf(head), head]))
  return [...all]
    .map(([key, { tool, table }]) => ({
      tool,
      table,
      before: headsBefore?.get(key)?.heads ?? null,
      after: headsAfter?.get(key)?.heads ?? null,
    }))
    .filter((change) => change.before?.join('\0') !== change.after?.join('\0'))
}

/** The numbers of a difference, for the log. */
export function countChanges({ tables, schema }: StateDiff): OperationChanges {
  const sum = (count: (rows: { inserted: number; deleted: number; updated: number }) => number) =>
    tables.reduce((total, { rows }) => total + (rows === null ? 0 : count(rows)), 0)
  return {
    tableCount: tables.filter(({ change }) => change !== 'reordered').length,
    insertedRowCount: sum(({ inserted }) => inserted),
    deletedRowCount: sum(({ deleted }) => deleted),
    updatedRowCount: sum(({ updated }) => updated),
    schemaEntryCount: schema.length,
  }
}

/**
 * Creates the indexes of a new database by several connections at once, then takes statistics.
 *
 * Nobody else uses the database yet, so each index is committed as it comes. Of one table the
 * constraints come first, one by one, since each locks all others out; then its indexes, which do
 * not. What one connection cannot create, for a deadlock or whatever else, is left to the caller,
 * who creates it alone and says why it fails if it fails again.
 */
import { throwIfAborted } from '../errors.ts'
import type { Tree } from '../format/values.ts'
import { qualifiedName } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import { findOwners } from '../schema/entry-owners.ts'
import type { PlannedIndex } from './plan-creation.ts'
import type { RestoreTarget } from './restore-state.ts'
import { runStatements } from './statement.ts'

/** What one connection does at a time, and what can be done once it has. */
interface Task {
  /** Of the table's rows: long work first, so that no connection ends alone with it. */
  sizeBytes: number
  run: (session: Session) => Promise<void>
  next: Task[]
}

/** @returns  those that could not be created, in the order given */
export async function createIndexes(
  sessions: readonly Session[],
  indexes: readonly PlannedIndex[],
  target: Pick<RestoreTarget, 'entries' | 'facts' | 'tree' | 'signal'>,
): Promise<PlannedIndex[]> {
  const failed = new Set<PlannedIndex>()
  const create = (index: PlannedIndex) => async (session: Session) => {
    await session.execute('BEGIN')
    try {
      await runStatements(session, index.statements)
      await session.execute('COMMIT')
    } catch {
      failed.add(index)
      await session.execute('ROLLBACK')
    }
  }
  const tasks = groupByTable(indexes, target).map(({ ofTable, sizeBytes }) => {
    const constraints = ofTable.filter(({ entry }) => entry.kind === 'CONSTRAINT')
    const others = ofTable.filter(({ entry }) => entry.kind !== 'CONSTRAINT')
    let next: Task[] = others.map((index) => ({ sizeBytes, run: create(index), next: [] }))
    for (const index of constraints.toReversed()) next = [{ sizeBytes, run: create(index), next }]
    return next
  })
  await runTasks(sessions, tasks.flat(), target.signal)
  return indexes.filter((index) => failed.has(index))
}

/** Takes the statistics that the planner would else be without until autovacuum comes. */
export async function analyzeTables(
  sessions: readonly Session[],
  tree: Tree,
  signal: AbortSignal | undefined,
): Promise<void> {
  const tasks = tree.tables
    .filter(({ rows }) => rows !== null && rows.rowCount > 0)
    .map((table): Task => {
      const run = async (session: Session) => {
        // Statistics are a help, and never a reason to fail.
        await session.execute(`ANALYZE ${qualifiedName(table)}`).catch(() => undefined)
      }
      return { sizeBytes: table.rows?.sizeBytes ?? 0, run, next: [] }
    })
  await runTasks(sessions, tasks, signal)
}

async function runTasks(
  sessions: readonly Session[],
  tasks: Task[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const ready = tasks.toSorted((a, b) => b.sizeBytes - a.sizeBytes)
  const idle: (() => void)[] = []
  let runningCount = 0
  const work = async (session: Session) => {
    for (;;) {
      throwIfAborted(signal, 'checkout')
      const task = ready.shift()
      if (task === undefined) {
        if (runningCount === 0) break
        // Something that runs may bring more to do.
        await new Promise<void>((resolve) => idle.push(resolve))
        continue
      }
      runningCount++
      try {
        await task.run(session)
        ready.push(...task.next)
        ready.sort((a, b) => b.sizeBytes - a.sizeBytes)
      } finally {
        runningCount--
        for (const wake of idle.splice(0)) wake()
      }
    }
  }
  const outcomes = await Promise.allSettled(sessions.map(work))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

function groupByTable(
  indexes: readonly PlannedIndex[],
  { entries, facts, tree }: Pick<RestoreTarget, 'entries' | 'facts' | 'tree'>,
): { ofTable: PlannedIndex[]; sizeBytes: number }[] {
  const owners = findOwners({ entries, facts })
  const positions = new Map(entries.map((entry, position) => [entry, position]))
  const sizes = new Map(
    tree.tables.map(({ namespace, name, rows }) => [`${namespace}\0${name}`, rows?.sizeBytes ?? 0]),
  )
  const groups = new Map<number, { ofTable: PlannedIndex[]; sizeBytes: number }>()
  for (const index of indexes) {
    const owner = owners[positions.get(index.entry)!]!
    const table = entries[owner]!
    const sizeBytes = sizes.get(`${table.namespace}\0${table.name}`) ?? 0
    const group = groups.get(owner) ?? { ofTable: [], sizeBytes }
    groups.set(owner, group)
    group.ofTable.push(index)
  }
  return [...groups.values()]
}

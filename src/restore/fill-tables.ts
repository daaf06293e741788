/**
 * Loads the tables of a new database and creates what stands on their rows, by several sessions.
 *
 * Nobody else uses the database yet, so everything is committed as it comes: a table's rows, then
 * its indexes, then the foreign keys between it and others, each as soon as it can be. What one
 * session cannot create beside the others is left to the caller, who creates it alone and says why
 * it fails if it fails again.
 *
 * Locks decide what goes together (PostgreSQL manual, "Explicit Locking"): creating a constraint
 * shuts all others out of its table, creating an index does not. A foreign key would shut them out
 * of both its tables for as long as it takes to check the rows. So it is created unchecked and
 * validated afterwards, under a lock that lets others read and validate; the catalog then has what
 * it has when both are one.
 */
import { emit } from '../events.ts'
import type { TableEntry } from '../format/values.ts'
import { qualifiedName, quoteIdentifier } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import { findOwners } from '../schema/entry-owners.ts'
import { isFillingTheMachine } from './filling-sessions.ts'
import { parseForeignKey, tableKeyOf } from './foreign-keys-hold.ts'
import { loadRows } from './load-rows.ts'
import type { CreationPlan, PlannedEntry } from './plan-creation.ts'
import { tableKey } from './plan-surgery.ts'
import { loadBesideTables, ownTables, type RestoreTarget } from './restore-state.ts'
import { runTasks, type Task } from './run-tasks.ts'
import { DEFAULT_SEARCH_PATH, runStatements, type Statement } from './statement.ts'

/**
 * @param plainTables  tables by `tableKey` that are not partitioned
 * @returns  what of `indexes` and `afterIndexes` is still to be created, in that order
 * @throws RESTORE_FAILED, RESTORE_NOT_PROVEN  rows were refused
 */
export async function fillTables(
  sessions: readonly Session[],
  creation: Pick<CreationPlan, 'indexes' | 'afterIndexes'>,
  plainTables: ReadonlySet<string>,
  target: RestoreTarget,
): Promise<Statement[]> {
  const plan = new FillPlan(target, isFillingTheMachine(sessions))
  plan.addTables(ownTables(target.tree))
  plan.addIndexes(creation.indexes)
  plan.addForeignKeys(creation.afterIndexes, plainTables)
  plan.addRest()
  await runTasks(sessions, plan.tasks, target.signal)
  return [...creation.indexes, ...creation.afterIndexes]
    .filter((planned) => !plan.created.has(planned))
    .flatMap(({ statements }) => statements)
}

class FillPlan {
  readonly tasks: Task[] = []
  /** What the server has taken so far, once the tasks run. */
  readonly created = new Set<PlannedEntry>()
  readonly #target: RestoreTarget
  /** Parallel workers would only take processors from the other sessions. */
  readonly #isWithoutWorkers: boolean
  /** By `tableKey`; the load, where there is one, comes first. */
  readonly #tasksOf = new Map<string, Task[]>()
  readonly #costs = new Map<string, number>()

  constructor(target: RestoreTarget, isWithoutWorkers: boolean) {
    this.#target = target
    this.#isWithoutWorkers = isWithoutWorkers
  }

  addTables(tables: readonly TableEntry[]): void {
    const { objects, reporter } = this.#target
    emit(reporter, { kind: 'phaseStarted', phase: 'loadRows' })
    emit(reporter, {
      kind: 'tablesPlanned',
      tableCount: tables.length,
      estimatedSizeBytes: tables.reduce((sum, { rows }) => sum + (rows?.sizeBytes ?? 0), 0),
    })
    let leftCount = tables.length
    for (const table of tables) {
      const load = async (session: Session) => {
        // TRUNCATE in the same transaction lets COPY write frozen rows and append them in order.
        await session.execute(
          `BEGIN; ${DEFAULT_SEARCH_PATH}; TRUNCATE ONLY ${qualifiedName(table)}`,
        )
        await loadRows(session, objects, table, { isNew: true, reporter })
        await session.execute('COMMIT')
        leftCount--
        if (leftCount === 0) emit(reporter, { kind: 'phaseStarted', phase: 'createIndexes' })
      }
      const key = tableKey(table)
      this.#costs.set(key, costOf(table))
      this.#add([key], { cost: costOf(table), run: load, after: [], exclusive: [key] })
    }
  }

  /** Of one table the constraints one by one, then its other indexes together. */
  addIndexes(indexes: readonly PlannedEntry[]): void {
    const { entries, facts } = this.#target
    const owners = findOwners({ entries, facts })
    const positions = new Map(entries.map((entry, position) => [entry, position]))
    const keyOf = ({ entry }: PlannedEntry) => tableKey(entries[owners[positions.get(entry)!]!]!)
    const isConstraint = ({ entry }: PlannedEntry) => entry.kind === 'CONSTRAINT'
    for (const index of indexes.filter(isConstraint)) {
      const key = keyOf(index)
      this.#add([key], {
        ...this.#creation(index, key),
        after: this.#before(key),
        exclusive: [key],
      })
    }
    const constrained = new Map([...this.#tasksOf.keys()].map((key) => [key, this.#before(key)]))
    for (const index of indexes.filter((each) => !isConstraint(each))) {
      const key = keyOf(index)
      const after = constrained.get(key) ?? []
      this.#add([key], { ...this.#creation(index, key), after, shared: [key] })
    }
  }

  /**
   * Those between tables that are not partitioned: between others they are many that are created
   * as one, and cannot be created unchecked before PostgreSQL 18.
   */
  addForeignKeys(entries: readonly PlannedEntry[], plainTables: ReadonlySet<string>): void {
    const added: Task[] = []
    for (const planned of entries) {
      const { entry, statements } = planned
      const key = entry.kind === 'FK CONSTRAINT' && parseForeignKey(entry.definition ?? '')
      const [statement] = statements
      if (!key || statement === undefined || statements.length > 1) continue
      const child = tableKeyOf(key.table)
      const both = [...new Set([child, tableKeyOf(key.referencedTable)])]
      if (!both.every((table) => plainTables.has(table))) continue

      const isLeftUnchecked = IS_UNCHECKED.test(statement.sql)
      const unchecked = isLeftUnchecked ? statement.sql : `${statement.sql} NOT VALID`
      const name = quoteIdentifier(key.constraint)
      const creation: Task = {
        cost: 0,
        run: async (session) => {
          const isCreated = await attempt(session, [{ ...statement, sql: unchecked }])
          if (isCreated) this.created.add(planned)
        },
        after: both.flatMap((table) => this.#tasksOf.get(table) ?? []),
        exclusive: both,
      }
      added.push(creation)
      if (isLeftUnchecked) continue
      const validate = `ALTER TABLE ${key.table} VALIDATE CONSTRAINT ${name}`
      added.push({
        cost: (this.#costs.get(child) ?? 0) / 4,
        run: async (session) => {
          if (!this.created.has(planned)) return
          if (await attempt(session, [{ ...statement, sql: validate }])) return
          // As if it had not been tried.
          this.created.delete(planned)
          await session.execute(`ALTER TABLE ${key.table} DROP CONSTRAINT ${name}`)
        },
        after: [creation],
        // Of one table they are validated one by one.
        exclusive: [`foreign keys of ${child}`],
        shared: both,
      })
    }
    this.tasks.push(...added)
  }

  /** Large objects, positions of sequences, configuration of extensions. */
  addRest(): void {
    const run = async (session: Session) => {
      await session.execute('BEGIN')
      await loadBesideTables(session, this.#target)
      await session.execute('COMMIT')
    }
    this.tasks.push({ cost: this.#target.tree.largeObjects.pages.sizeBytes, run, after: [] })
  }

  #add([key]: readonly [string], task: Task): void {
    this.tasks.push(task)
    this.#tasksOf.set(key, [...(this.#tasksOf.get(key) ?? []), task])
  }

  /** What was last added for a table. */
  #before(key: string): Task[] {
    return this.#tasksOf.get(key)?.slice(-1) ?? []
  }

  #creation(planned: PlannedEntry, key: string): Pick<Task, 'cost' | 'run'> {
    const run = async (session: Session, isAlone: boolean) => {
      const isWithoutWorkers = this.#isWithoutWorkers && !isAlone
      const statements = [...(isWithoutWorkers ? [NO_WORKERS] : []), ...planned.statements]
      if (await attempt(session, statements)) this.created.add(planned)
    }
    return { cost: (this.#costs.get(key) ?? 0) / 4, run }
  }
}

/** A foreign key that stays as it is created: its rows were never checked, or are not to be. */
const IS_UNCHECKED = /\sNOT (VALID|ENFORCED)$/u

const NO_WORKERS: Statement = {
  subject: 'settings',
  sql: 'SET LOCAL max_parallel_maintenance_workers = 0',
}

/** @returns false where the server refuses a statement; then nothing has happened */
async function attempt(session: Session, statements: readonly Statement[]): Promise<boolean> {
  await session.execute('BEGIN')
  try {
    await runStatements(session, statements)
    await session.execute('COMMIT')
    return true
  } catch {
    // Throws where the connection is lost or the work was interrupted.
    await session.execute('ROLLBACK')
    return false
  }
}

/** A row takes as long as this many bytes more. */
const ROW_COST_BYTES = 100

const costOf = ({ rows }: TableEntry) =>
  rows === null ? 0 : rows.sizeBytes + rows.rowCount * ROW_COST_BYTES

/**
 * Runs tasks by several sessions at once: each as soon as what it waits for is done and what it
 * claims is free.
 *
 * A task that waited for a lock on the server would keep its session from other work, and two of
 * them could wait for each other. So who works on which table is settled here.
 */
import { InvariantError, throwIfAborted } from '../errors.ts'
import type { Session } from '../postgres/session.ts'

export interface Task {
  /** In any unit. What has most work behind it goes first, so that no session ends alone with it. */
  cost: number
  /** @param isAlone  nobody works beside it, and nothing else is ready to be begun */
  run: (session: Session, isAlone: boolean) => Promise<void>
  after: readonly Task[]
  /** What nobody else may claim meanwhile, as a table's key; nothing that is in `shared`. */
  exclusive?: readonly string[]
  /** What others may share meanwhile. */
  shared?: readonly string[]
}

/**
 * Runs tasks, each listed after those it waits for.
 *
 * Returns when all are done. Of `after`, what is not among `tasks` counts as done.
 *
 * The first failure ends the others: nothing more is begun, and statements that run are cancelled.
 *
 * @throws what the first task to fail threw, once all sessions are idle
 * @throws ABORTED
 */
export async function runTasks(
  sessions: readonly Session[],
  tasks: readonly Task[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const waiting = new Set(byCostBehind(tasks))
  const unfinished = new Set(tasks)
  const claims = new Claims()
  const busy = new Set<Session>()
  const idle: (() => void)[] = []
  let failure: { error: unknown } | undefined

  const findReady = (): Task | undefined => {
    for (const task of waiting) {
      if (task.after.some((each) => unfinished.has(each))) continue
      if (claims.areFree(task)) return task
    }
    return undefined
  }
  const work = async (session: Session) => {
    while (failure === undefined && waiting.size > 0) {
      const task = findReady()
      if (task === undefined) {
        // Something that runs will bring more to do.
        await new Promise<void>((resolve) => idle.push(resolve))
        continue
      }
      waiting.delete(task)
      claims.take(task)
      busy.add(session)
      try {
        throwIfAborted(signal, 'checkout')
        await task.run(session, busy.size === 1 && findReady() === undefined)
      } catch (error) {
        if (failure === undefined) {
          failure = { error }
          busy.delete(session)
          // Whoever has just ended has nothing to cancel, and a lost connection no need of it.
          for (const other of busy) void other.cancel().catch(() => undefined)
        }
      } finally {
        busy.delete(session)
        claims.release(task)
        unfinished.delete(task)
        for (const wake of idle.splice(0)) wake()
      }
    }
  }
  await Promise.all(sessions.map(work))
  if (failure !== undefined) throw (failure as { error: unknown }).error
}

/** Those first whose own cost and that of the costliest chain behind them is highest. */
function byCostBehind(tasks: readonly Task[]): Task[] {
  const behind = new Map<Task, number>()
  const costOf = (task: Task) => task.cost + (behind.get(task) ?? 0)
  const later = new Set<Task>()
  for (const task of tasks.toReversed()) {
    later.add(task)
    for (const before of task.after) {
      if (later.has(before)) throw new InvariantError('a task waits for a later one')
      behind.set(before, Math.max(behind.get(before) ?? 0, costOf(task)))
    }
  }
  return tasks.toSorted((a, b) => costOf(b) - costOf(a))
}

class Claims {
  /** How many share each thing; -1 where one has it alone. */
  readonly #holders = new Map<string, number>()

  areFree({ exclusive = [], shared = [] }: Task): boolean {
    return (
      exclusive.every((table) => !this.#holders.has(table)) &&
      shared.every((table) => this.#holders.get(table) !== ALONE)
    )
  }

  take({ exclusive = [], shared = [] }: Task): void {
    for (const table of exclusive) this.#holders.set(table, ALONE)
    for (const table of shared) this.#holders.set(table, (this.#holders.get(table) ?? 0) + 1)
  }

  release({ exclusive = [], shared = [] }: Task): void {
    for (const table of exclusive) this.#holders.delete(table)
    for (const table of shared) {
      const left = this.#holders.get(table)! - 1
      if (left === 0) this.#holders.delete(table)
      else this.#holders.set(table, left)
    }
  }
}

const ALONE = -1

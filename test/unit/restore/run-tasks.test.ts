import { deepEqual, equal, rejects } from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import fc from 'fast-check'
import { test } from 'vitest'
import type { Session } from '../../../src/postgres/session.ts'
import { runTasks, type Task } from '../../../src/restore/run-tasks.ts'

/** Of a session, tasks are given whatever they ask for; here only what `runTasks` itself asks for. */
function idleSession(onCancel = () => {}): Session {
  return {
    cancel: async () => {
      onCancel()
    },
  } as unknown as Session
}

const sessionsOf = (count: number) => Array.from({ length: count }, () => idleSession())

const shape = fc.record({
  after: fc.array(fc.nat(30), { maxLength: 3 }),
  exclusive: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 2 }),
  shared: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 2 }),
  cost: fc.nat(10),
  takesMs: fc.nat(2),
})

test('every task runs once, after what it waits for, and never beside one that claims the same', async () => {
  const shapes = fc.array(shape, { minLength: 1, maxLength: 25 })
  await fc.assert(
    fc.asyncProperty(shapes, fc.integer({ min: 1, max: 4 }), async (drawn, sessionCount) => {
      const done: Task[] = []
      const running = new Set<Task>()
      const clashes: string[] = []
      const tasks: Task[] = []
      for (const [place, { after, exclusive, shared, cost, takesMs }] of drawn.entries()) {
        const task: Task = {
          cost,
          after: after.flatMap((each) => (each < place ? [tasks[each]!] : [])),
          exclusive,
          shared: shared.filter((each) => !exclusive.includes(each)),
          run: async () => {
            for (const other of running) if (areClashing(task, other)) clashes.push('claims')
            if (!task.after.every((each) => done.includes(each))) clashes.push('order')
            running.add(task)
            await setTimeout(takesMs)
            running.delete(task)
            done.push(task)
          },
        }
        tasks.push(task)
      }
      await runTasks(sessionsOf(sessionCount), tasks, undefined)
      deepEqual(clashes, [])
      deepEqual(new Set(done), new Set(tasks))
      equal(done.length, tasks.length)
    }),
    { numRuns: 60 },
  )
})

function areClashing(one: Task, other: Task): boolean {
  const touches = ({ exclusive = [], shared = [] }: Task) => [...exclusive, ...shared]
  return (
    (one.exclusive ?? []).some((each) => touches(other).includes(each)) ||
    (other.exclusive ?? []).some((each) => touches(one).includes(each))
  )
}

test('what has most work behind it is begun first', async () => {
  const begun: string[] = []
  const named = (name: string, cost: number, after: Task[] = []): Task => ({
    cost,
    after,
    run: async () => {
      begun.push(name)
    },
  })
  const first = named('begins a long chain', 1)
  const tasks = [named('long', 50), named('short', 2), first, named('its end', 100, [first])]
  await runTasks(sessionsOf(1), tasks, undefined)
  deepEqual(begun, ['begins a long chain', 'its end', 'long', 'short'])
})

test('the first failure cancels what the other sessions do, and nothing more is begun', async () => {
  const failure = new Error('refused')
  const cancelled: string[] = []
  let stop: (error: Error) => void = () => {}
  const slow: Task = {
    cost: 2,
    after: [],
    run: () => new Promise<void>((_, reject) => (stop = reject)),
  }
  const sessions = ['one', 'other'].map((name) =>
    idleSession(() => {
      cancelled.push(name)
      stop(new Error('cancelled'))
    }),
  )
  const fails: Task = {
    cost: 1,
    after: [],
    run: async () => {
      throw failure
    },
  }
  let isBegun = false
  const next: Task = {
    cost: 0,
    after: [],
    run: async () => {
      isBegun = true
    },
  }
  await rejects(runTasks(sessions, [slow, fails, next], undefined), failure)
  deepEqual(cancelled, ['one'])
  equal(isBegun, false)
})

test('a task knows whether it is alone', async () => {
  const alone: boolean[] = []
  const task = (after: Task[]): Task => ({
    cost: 0,
    after,
    run: async (_, isAlone) => {
      alone.push(isAlone)
      await setTimeout(1)
    },
  })
  const first = task([])
  const twins = [task([first]), task([first])]
  await runTasks(sessionsOf(2), [first, ...twins, task(twins)], undefined)
  deepEqual(alone, [true, false, false, true])
})

test('an abort ends before the next task', async () => {
  const controller = new AbortController()
  const begun: number[] = []
  const tasks = [2, 1].map(
    (cost): Task => ({
      cost,
      after: [],
      run: async () => {
        begun.push(cost)
        controller.abort()
      },
    }),
  )
  await rejects(runTasks(sessionsOf(1), tasks, controller.signal), { code: 'ABORTED' })
  deepEqual(begun, [2])
})

test('a task that waits for a later one is a mistake, and nobody waits for ever', async () => {
  const later: Task = { cost: 0, after: [], run: async () => {} }
  const early: Task = { cost: 0, after: [later], run: async () => {} }
  await rejects(runTasks(sessionsOf(2), [early, later], undefined), /waits for a later one/)
})

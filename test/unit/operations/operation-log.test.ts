import { deepEqual, equal, rejects } from 'node:assert/strict'
import { hostname } from 'node:os'
import { describe, test } from 'vitest'
import { objectIdOf } from '../../../src/format/object-id.ts'
import { fsck } from '../../../src/maintenance/fsck.ts'
import {
  findOperationState,
  type Operation,
  type OperationLog,
  type OperationOutcome,
} from '../../../src/operations/operation-log.ts'
import { openStore } from '../../../src/store.ts'
import { faultSweep } from '../../support/faulty-backend.ts'
import { copyOf, damage, memoryStore, noon } from '../../support/store.ts'

const id = objectIdOf(Buffer.from('commit'))
const head = { targetRef: 'refs/heads/main', id }
const done: OperationOutcome = {
  at: noon,
  outcome: 'done',
  exitCode: 0,
  errorCode: null,
  databaseChange: 'none',
  changes: null,
  commitBefore: null,
  commitAfter: null,
  takenBackId: null,
}
const elsewhere = { pid: 1, host: 'elsewhere', processStart: null }

const begin = (log: OperationLog, argv: string[] = [], process = elsewhere) =>
  log.begin({ command: 'run', arguments: argv, user: 'ada', at: noon, process })

async function listOf(log: OperationLog): Promise<Operation[]> {
  const operations: Operation[] = []
  for await (const operation of log.list()) operations.push(operation)
  return operations
}

test('operations are numbered from 1 and listed newest first, each with what is known of it', async () => {
  const { operations } = await memoryStore()
  const first = await begin(operations, ['run', '--', 'true'])
  await first.keep({ commitId: id, head, at: noon })
  await first.finish(done)
  await begin(operations)

  const at = noon.toISOString()
  const common = { command: 'run', database: null, withinNumber: null, user: 'ada', startedAt: at }
  const { at: _at, ...outcome } = done
  deepEqual(await listOf(operations), [
    {
      number: 2,
      start: { ...common, ...elsewhere, number: 2, arguments: [] },
      kept: null,
      end: null,
    },
    {
      number: 1,
      start: { ...common, ...elsewhere, number: 1, arguments: ['run', '--', 'true'] },
      kept: { number: 1, commitId: id, head, keptAt: at },
      end: { ...outcome, number: 1, finishedAt: at },
    },
  ])
})

test('of many that begin at once each has a number of its own', async () => {
  const { operations } = await memoryStore()
  const begun = await Promise.all(Array.from({ length: 20 }, () => begin(operations)))
  deepEqual(
    begun.map(({ number }) => number).sort((a, b) => a - b),
    [...Array(20).keys()].map((n) => n + 1),
  )
})

test('secrets never reach the store', async () => {
  const store = await memoryStore()
  await begin(store.operations, ['--database', 'postgres://ada:hunter2@db/shop'])
  for await (const { key } of store.backend.list('operations/')) {
    equal(Buffer.from(await store.backend.read(key)).includes('hunter2'), false)
  }
})

test('what is said twice counts once', async () => {
  const { operations } = await memoryStore()
  const { number, finish, keep } = await begin(operations)
  await finish(done)
  await finish({ ...done, exitCode: 9 })
  await keep({ commitId: id, head, at: noon })
  await keep({ commitId: objectIdOf(Buffer.from('other')), head, at: noon })
  const operation = await operations.read(number)
  equal(operation.end?.exitCode, 0)
  equal(operation.kept?.commitId, id)
})

test('an operation of no such number is unknown', async () => {
  const { operations } = await memoryStore()
  await begin(operations)
  await rejects(operations.read(2), { code: 'OPERATION_UNKNOWN', data: { number: 2 } })
  await rejects(operations.read(10_000_000_001), { code: 'OPERATION_UNKNOWN' })
})

describe('an operation without an end', () => {
  test('is running while its process lives', async () => {
    const { operations } = await memoryStore()
    const { number } = await operations.begin({
      command: 'run',
      arguments: [],
      user: 'ada',
      at: noon,
    })
    equal(await findOperationState(await operations.read(number)), 'running')
  })

  test('is unfinished when its process has ended, or is on another host', async () => {
    const { operations } = await memoryStore()
    const ended = { pid: 2 ** 22 + 1, host: hostname(), processStart: null }
    const here = await begin(operations, [], ended)
    const there = await begin(operations)
    equal(await findOperationState(await operations.read(here.number)), 'unfinished')
    equal(await findOperationState(await operations.read(there.number)), 'unfinished')
  })
})

test('an operation that meets a fault at any call is in the log as far as it came, and the log is whole', async () => {
  const { backend } = await memoryStore()
  const { runCount } = await faultSweep({
    prepare: () => copyOf(backend),
    operate: async (faulty) => {
      const operation = await begin((await openStore(faulty)).operations)
      await operation.keep({ commitId: id, head, at: noon })
      await operation.finish(done)
    },
    check: async (faulty, { hasSucceeded }) => {
      const [operation] = await listOf((await openStore(faulty)).operations)
      if (hasSucceeded) equal(operation?.end?.outcome, 'done')
      if (operation?.end) equal(operation.kept?.commitId, id)
      deepEqual((await fsck(faulty)).findings, [])
    },
  })
  equal(runCount > 4, true)
})

describe('fsck finds', () => {
  async function storeWithOperation() {
    const store = await memoryStore()
    const operation = await begin(store.operations)
    await operation.finish(done)
    return store
  }
  const findingsOf = async ({ backend }: Awaited<ReturnType<typeof memoryStore>>) =>
    (await fsck(backend)).findings.map(({ code, key }) => ({ code, key }))

  test('a damaged record', async () => {
    const store = await storeWithOperation()
    await damage(store.backend, 'operations/0000000001.end', (bytes) => bytes.subarray(1))
    deepEqual(await findingsOf(store), [
      { code: 'OPERATION_CORRUPT', key: 'operations/0000000001.end' },
    ])
    await rejects(store.operations.read(1), { code: 'STORE_CORRUPT' })
  })

  test('a record in the place of another', async () => {
    const store = await storeWithOperation()
    const bytes = await store.backend.read('operations/0000000001.start')
    await store.backend.create('operations/0000000002.start', [bytes])
    deepEqual(await findingsOf(store), [
      { code: 'OPERATION_CORRUPT', key: 'operations/0000000002.start' },
    ])
    await rejects(store.operations.read(2), { code: 'STORE_CORRUPT' })
  })

  test('an end without a start', async () => {
    const store = await storeWithOperation()
    await store.backend.remove('operations/0000000001.start')
    deepEqual(await findingsOf(store), [
      { code: 'OPERATION_START_MISSING', key: 'operations/0000000001.end' },
    ])
  })
})

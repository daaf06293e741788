import { deepEqual, match } from 'node:assert/strict'
import { test } from 'vitest'
import { judgeServer } from '../../../src/doctor/judge-server.ts'
import type { ServerFacts } from '../../../src/doctor/read-server-facts.ts'

/** The settings a server comes with: room for 64 × 100 locks. */
const FACTS: ServerFacts = {
  serverVersion: '18.4',
  serverVersionNumber: 180004,
  role: 'ada',
  isSuperuser: true,
  mayCreateDatabases: true,
  mayCreateSchemas: true,
  isStandby: false,
  isEncrypted: true,
  isRemote: true,
  isPooled: false,
  encoding: 'UTF8',
  sizeBytes: 0,
  tables: [],
  unreadableSequences: [],
  largeObjectCount: 0,
  unreadableLargeObjectCount: 0,
  extensions: [],
  uncapturedExtensionTables: [],
  lockableCount: 0,
  lockCapacity: 6400,
  maxLocksPerTransaction: 64,
  summarizesWal: true,
  mayCheckpoint: true,
  timeouts: [],
}

const troubles = (facts: Partial<ServerFacts>) =>
  judgeServer({ ...FACTS, ...facts })
    .filter(({ level }) => level !== 'ok')
    .map(({ code, level, advice }) => ({ code, level, advice }))

test.each([
  [100, []],
  [2560, []],
  [2561, ['notice']],
  [3200, ['notice']],
  [3201, ['warning']],
])('%i relations on a server with room for 6400 locks', (lockableCount, levels) => {
  deepEqual(
    troubles({ lockableCount }).map(({ level }) => level),
    levels,
  )
})

test('the setting that is advised is enough', () => {
  const [{ advice } = { advice: '' }] = troubles({ lockableCount: 10_000 })
  match(advice!, /^set max_locks_per_transaction to 250 or more \(now 64; needs a restart\)/)
  deepEqual(
    troubles({ lockableCount: 10_000, maxLocksPerTransaction: 250, lockCapacity: 25_000 }),
    [],
  )
})

test.each([
  [{ isPooled: true }, 'connectionPooled: warning'],
  [{ isEncrypted: false }, 'connectionNotEncrypted: notice'],
  [{ encoding: 'SQL_ASCII' }, 'encodingUnknown: warning'],
  [{ isStandby: true }, 'serverStandby: warning'],
  [{ summarizesWal: false }, 'walSummariesOff: notice'],
  [{ mayCheckpoint: false }, 'walSummariesUnused: notice'],
  [{ extensions: ['timescaledb'] }, 'timescaledb: warning'],
  [{ uncapturedExtensionTables: ['topology.layer'] }, 'extensionTables: notice'],
] as [Partial<ServerFacts>, string][])('%j', (facts, expected) => {
  deepEqual(
    troubles(facts).map(({ code, level }) => `${code}: ${level}`),
    [expected],
  )
})

test('a connection on this machine need not be encrypted', () => {
  deepEqual(troubles({ isEncrypted: false, isRemote: false }), [])
})

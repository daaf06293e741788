import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { type EarlierCommits, findBaseCommit } from '../../../src/capture/unread-tables.ts'
import type { WalMoment } from '../../../src/capture/wal-moment.ts'
import type { Commit, ObjectId } from '../../../src/format/values.ts'

const MOMENT: WalMoment = {
  lsn: '1/0',
  timeline: '1',
  serverStartedAt: '2026-01-31T08:00:00.000000Z',
  systemIdentifier: '7312345678901234567',
  databaseOid: 16384,
  settledLsn: null,
}

interface Origin {
  serverStartedAt?: string
  systemIdentifier?: string | null
  oid?: number
  settledLsn?: string
}

/** Of a commit, only what is looked at. */
function commitOf(commitId: string, origin: Origin | null) {
  const { serverStartedAt = MOMENT.serverStartedAt, settledLsn = '0/1' } = origin ?? {}
  const { systemIdentifier = MOMENT.systemIdentifier, oid = MOMENT.databaseOid } = origin ?? {}
  const walBase = origin === null ? {} : { walBase: { serverStartedAt, settledLsn } }
  const commit = { database: { systemIdentifier, oid }, ...walBase } as unknown as Commit
  return { commitId: commitId as ObjectId, commit }
}

const found = (...commits: EarlierCommits['commits']) =>
  findBaseCommit({ commits, objects: undefined as never }, MOMENT)?.commitId

test.each<[string, Origin | null]>([
  ['that noted no position', null],
  ['from before the server was started again', { serverStartedAt: '2026-01-30T08:00:00.000000Z' }],
  ['of another cluster', { systemIdentifier: '1' }],
  ['of a cluster without a name', { systemIdentifier: null }],
  ['of another database', { oid: 16385 }],
])('a commit %s is no base', (_, origin) => {
  deepEqual(found(commitOf('it', origin)), undefined)
})

test('the base is the commit with the newest position', () => {
  const older = commitOf('older', { settledLsn: '0/FFFFFFFF' })
  const newer = commitOf('newer', { settledLsn: '1/0' })
  deepEqual(found(older, newer), 'newer')
  deepEqual(found(newer, older), 'newer')
})

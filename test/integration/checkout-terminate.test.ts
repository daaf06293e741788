import { beforeAll, expect, test } from 'vitest'
import type { SnapEvent } from '../../src/events.ts'
import { createDatabase, oldestAndNewestMajor, type TestDatabase } from '../support/postgres.ts'
import { checkoutDatabase, commitDatabase, memoryStore } from '../support/session.ts'

/** A database that differs from its commit, and the commit's store. */
async function changedDatabase(major: number) {
  const db = await createDatabase(major)
  await db.query('CREATE TABLE t AS SELECT n FROM generate_series(1, 10) n')
  const store = await memoryStore()
  await commitDatabase(store, db.url)
  await db.query('DELETE FROM t WHERE n > 5')
  return { db, store }
}

/** Runs `work` while a session called `the app` holds a lock, and tells whether the session lives afterwards. */
function whileHeld(
  db: TestDatabase,
  lock: string,
  work: () => Promise<void>,
): Promise<'alive' | 'ended'> {
  return db.withClient(async (client) => {
    await client.query(`SET application_name = 'the app'; BEGIN; ${lock}`)
    await work()
    return client.query('ROLLBACK').then(
      () => 'alive',
      () => 'ended',
    )
  })
}

const countOf = async (db: TestDatabase) => (await db.query('SELECT count(*)::int FROM t'))[0]

oldestAndNewestMajor((major) => {
  beforeAll(async () => {
    const db = await createDatabase(major)
    await db.query(`DO $$ BEGIN CREATE ROLE snap_part_owner LOGIN;
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`)
  })

  test.each([
    ['writes', 'INSERT INTO t VALUES (0)'],
    ['reads', 'SELECT count(*) FROM t'],
    ['has locked all others out', 'LOCK TABLE t'],
  ])('a session that %s is named, then ended, and the checkout goes on', async (_, lock) => {
    const { db, store } = await changedDatabase(major)
    const events: SnapEvent[] = []
    const outcome = await whileHeld(db, lock, async () => {
      const { result } = await checkoutDatabase(store, db.url, 'HEAD', {
        terminatesBlockers: true,
        reporter: (event) => void events.push(event),
      })
      expect(result.terminated).toMatchObject([{ application: 'the app', user: 'postgres' }])
    })

    expect(outcome).toBe('ended')
    const told = events.map(({ kind }) => kind).filter((kind) => /^(lockW|session)/.test(kind))
    expect(told).toEqual(['lockWaiting', 'sessionTerminated'])
    expect(await countOf(db)).toEqual({ count: 10 })
  })

  test('nobody is ended unasked, nor by a dry run', async () => {
    const { db, store } = await changedDatabase(major)
    for (const options of [{}, { terminatesBlockers: true, isDryRun: true }]) {
      const outcome = await whileHeld(db, 'LOCK TABLE t', async () => {
        const failed = checkoutDatabase(store, db.url, 'HEAD', { ...options, lockTimeoutMs: 900 })
        await expect(failed).rejects.toMatchObject({ code: 'POSTGRES_LOCK_TIMEOUT' })
      })
      expect(outcome).toBe('alive')
    }
  })

  test('a session that this role may not end is named with the reason', async () => {
    const { db, store } = await changedDatabase(major)
    await db.query(
      `ALTER DATABASE ${db.name} OWNER TO snap_part_owner; ALTER TABLE t OWNER TO snap_part_owner`,
    )
    const url = db.url.replace('user=postgres', 'user=snap_part_owner')
    const outcome = await whileHeld(db, 'INSERT INTO t VALUES (0)', async () => {
      const failed = checkoutDatabase(store, url, 'HEAD', {
        terminatesBlockers: true,
        lockTimeoutMs: 1500,
        withOwners: false,
        withPrivileges: false,
      })
      await expect(failed).rejects.toMatchObject({
        code: 'POSTGRES_LOCK_TIMEOUT',
        message: expect.stringMatching(
          /cannot end pid \d+ \(user 'postgres', application 'the app', since .*\): /,
        ),
        data: { blockers: [{ application: 'the app' }] },
      })
    })
    expect(outcome).toBe('alive')
  })

  test('a wait that is short still tells whom it was for', async () => {
    const { db, store } = await changedDatabase(major)
    await whileHeld(db, 'INSERT INTO t VALUES (0)', async () => {
      const failed = checkoutDatabase(store, db.url, 'HEAD', { lockTimeoutMs: 200 })
      await expect(failed).rejects.toMatchObject({
        code: 'POSTGRES_LOCK_TIMEOUT',
        data: { blockers: [{ application: 'the app', preparedTransaction: null }] },
      })
    })
  })

  test('a prepared transaction is named, with what to do about it', async () => {
    const { db, store } = await changedDatabase(major)
    await db.query(`BEGIN; INSERT INTO t VALUES (0); PREPARE TRANSACTION 'it''s mine'`)
    try {
      const failed = checkoutDatabase(store, db.url, 'HEAD', {
        lockTimeoutMs: 600,
        terminatesBlockers: true,
      })
      await expect(failed).rejects.toMatchObject({
        code: 'POSTGRES_LOCK_TIMEOUT',
        hint: `if nobody will finish it, run: ROLLBACK PREPARED 'it''s mine'`,
        data: { blockers: [{ pid: 0, user: 'postgres', preparedTransaction: `it's mine` }] },
      })
    } finally {
      await db.query(`ROLLBACK PREPARED 'it''s mine'`)
    }
  })
})

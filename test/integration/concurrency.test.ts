/**
 * Commits of a database that does not stand still.
 *
 * Writers move money between accounts all the while, so the sum is the same at
 * every moment; a commit that mixes two moments would show another. A commit is
 * read back from the store alone.
 */
import type pg from 'pg'
import { expect, test } from 'vitest'
import type { Tree } from '../../src/format/values.ts'
import { readRows } from '../../src/objects/walk-manifest.ts'
import type { Store } from '../../src/store.ts'
import { createDatabase, oldestAndNewestMajor, type TestDatabase } from '../support/postgres.ts'
import { commitDatabase, memoryStore } from '../support/session.ts'

const ACCOUNT_TABLES = 4
const ACCOUNTS_PER_TABLE = 2_000
const BALANCE = 1_000

async function bank(major: number): Promise<TestDatabase> {
  const database = await createDatabase(major)
  for (let i = 0; i < ACCOUNT_TABLES; i++) {
    await database.query(`CREATE TABLE accounts_${i} (id int PRIMARY KEY, balance int NOT NULL);
      INSERT INTO accounts_${i} SELECT g, ${BALANCE} FROM generate_series(1, ${ACCOUNTS_PER_TABLE}) g`)
  }
  return database
}

/** Sums the last column of every table of a commit. */
async function totalBalance(store: Store, tree: Tree): Promise<number> {
  let total = 0
  for (const { rows } of tree.tables) {
    if (rows === null) continue
    const pieces: Uint8Array[] = []
    for await (const bytes of readRows(store.objects, rows)) pieces.push(bytes)
    for (const line of Buffer.concat(pieces).toString().split('\n')) {
      if (line !== '') total += Number(line.split('\t').at(-1))
    }
  }
  return total
}

/** Runs `work` while `workers` sessions repeat `step`; resolves to how many steps they made. */
async function whileWriting(
  database: TestDatabase,
  workers: number,
  step: (client: pg.Client) => Promise<void>,
  work: () => Promise<void>,
): Promise<number> {
  let isDone = false
  let stepCount = 0
  const writing = Promise.all(
    Array.from({ length: workers }, () =>
      database.withClient(async (client) => {
        while (!isDone) {
          await step(client)
          stepCount++
        }
      }),
    ),
  )
  try {
    await work()
  } finally {
    isDone = true
    await writing
  }
  return stepCount
}

const pick = (count: number) => Math.floor(Math.random() * count)

async function transfer(client: pg.Client): Promise<void> {
  const amount = pick(100)
  const [from, to] = [pick(ACCOUNT_TABLES), pick(ACCOUNT_TABLES)]
  await client
    .query(`BEGIN;
    UPDATE accounts_${Math.min(from, to)} SET balance = balance ${from <= to ? '-' : '+'} ${amount} WHERE id = ${1 + pick(ACCOUNTS_PER_TABLE)};
    UPDATE accounts_${Math.max(from, to)} SET balance = balance ${from <= to ? '+' : '-'} ${amount} WHERE id = ${1 + pick(ACCOUNTS_PER_TABLE)};
    COMMIT`)
    .catch(async (error: pg.DatabaseError) => {
      // Two transfers within one table can meet in the other order.
      if (error.code !== '40P01') throw error
      await client.query('ROLLBACK')
    })
}

oldestAndNewestMajor((major) => {
  test('every commit made while money moves holds all of it', async () => {
    const database = await bank(major)
    const store = await memoryStore()
    const totals: number[] = []
    const trees = new Set<string>()

    const transferCount = await whileWriting(database, 3, transfer, async () => {
      for (let i = 0; i < 8; i++) {
        const { tree, commit } = await commitDatabase(store, database.url, { jobs: 4 })
        totals.push(await totalBalance(store, tree))
        trees.add(commit.treeId)
      }
    })

    const expected = ACCOUNT_TABLES * ACCOUNTS_PER_TABLE * BALANCE
    expect(totals).toEqual(totals.map(() => expected))
    expect(transferCount).toBeGreaterThan(10)
    expect(trees.size).toBeGreaterThan(1)
  })

  test('tables truncated and rewritten during commits are whole in each, or the commit fails cleanly', async () => {
    const database = await createDatabase(major)
    const refill = `INSERT INTO t SELECT g FROM generate_series(1, 500) g`
    await database.query(`CREATE TABLE t (id int); ${refill}`)
    const store = await memoryStore()
    const rowCounts: (number | string)[] = []
    let round = 0

    await whileWriting(
      database,
      1,
      async (client) => {
        const change = [
          `BEGIN; TRUNCATE t; ${refill}; COMMIT`,
          'BEGIN; ALTER TABLE t ALTER COLUMN id TYPE bigint; ALTER TABLE t ALTER COLUMN id TYPE int; COMMIT',
          `BEGIN; DROP TABLE t; CREATE TABLE t (id int); ${refill}; COMMIT`,
          `CREATE TABLE other_${round} (x int); DROP TABLE other_${round}`,
        ]
        await client.query(change[round++ % change.length] as string)
      },
      async () => {
        for (let i = 0; i < 8; i++) {
          try {
            const { tree } = await commitDatabase(store, database.url, { jobs: 4 })
            rowCounts.push(
              tree.tables.find(({ name }) => name === 't')?.rows?.rowCount ?? 'no table',
            )
          } catch (error) {
            rowCounts.push((error as { code: string }).code)
          }
        }
      },
    )

    const allowed = new Set<number | string>([500, 'SCHEMA_CHANGED_DURING_CAPTURE'])
    expect(rowCounts.filter((count) => !allowed.has(count))).toEqual([])
  })
})

/**
 * What hints about renames are worth: everything where they are right, and where
 * they are wrong only work. `fixtures/transitions` has the renames themselves.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { captureLines } from '../../src/capture/capture-stream.ts'
import { encodeCommit } from '../../src/format/commit.ts'
import { encodeJsonLine } from '../../src/format/json-lines.ts'
import { checkCatalogFact } from '../../src/format/stream-entries.ts'
import type { CatalogFact, ObjectId } from '../../src/format/values.ts'
import { readJsonStream } from '../../src/objects/read-json-stream.ts'
import { planCheckout } from '../../src/restore/plan-checkout.ts'
import { describeDifference as describeSchemaDifference } from '../../src/schema/compare-schemas.ts'
import type { Store } from '../../src/store.ts'
import { createDatabase, oldestAndNewestMajor, type TestDatabase } from '../support/postgres.ts'
import {
  AUTHOR,
  addressOf,
  checkoutDatabase,
  commitDatabase,
  memoryStore,
} from '../support/session.ts'
import { describeDifference, dumpWith } from '../support/witness.ts'

const TABLES = `
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, email text);
  CREATE TABLE orders (id int PRIMARY KEY, user_id int CONSTRAINT orders_user REFERENCES users, note text);
  CREATE TABLE logs (id int, line text);
  CREATE VIEW names AS SELECT name FROM users;
  CREATE INDEX users_name ON users (name);
  CREATE SEQUENCE numbers; SELECT nextval('numbers');
  INSERT INTO users SELECT g, 'user ' || g, 'mail' FROM generate_series(1, 100) g;
  INSERT INTO orders SELECT g, g, 'note' FROM generate_series(1, 100) g;
  INSERT INTO logs SELECT g, 'line ' || g FROM generate_series(1, 100) g;`

async function database(major: number): Promise<TestDatabase> {
  const made = await createDatabase(major)
  await made.query(TABLES)
  return made
}

const dump = (major: number, { url }: TestDatabase) => dumpWith(major, url, { rowOrder: 'sorted' })

async function fileOf(db: TestDatabase, table: string): Promise<string | undefined> {
  const [row] = await db.query<{ file: string }>(
    `SELECT pg_relation_filenode('${table}')::text AS file`,
  )
  return row?.file
}

async function readFacts(store: Store, commitId: ObjectId): Promise<CatalogFact[]> {
  const { catalog } = await store.objects.readCommit(commitId)
  return readJsonStream(store.objects, catalog, checkCatalogFact)
}

/** Commits again what a commit holds, with other hints. */
async function commitWithFacts(
  store: Store,
  commitId: ObjectId,
  forge: (facts: CatalogFact[]) => CatalogFact[],
): Promise<ObjectId> {
  const commit = await store.objects.readCommit(commitId)
  const facts = await readFacts(store, commitId)
  const writer = store.objects.newWriter()
  const catalog = await captureLines(forge(facts), encodeJsonLine, writer)
  const forged = await writer.put('metadata', encodeCommit({ ...commit, catalog }))
  await writer.flush()
  await writer.close()
  return forged
}

oldestAndNewestMajor((major) => {
  test('a plan says what only gets its name back, and that nothing of it is lost', async () => {
    const db = await database(major)
    const store = await memoryStore()
    await commitDatabase(store, db.url)
    const before = await dump(major, db)
    const file = await fileOf(db, 'users')
    await db.query(`
      ALTER TABLE users RENAME TO people;
      ALTER TABLE people RENAME COLUMN name TO full_name;
      ALTER TABLE orders RENAME CONSTRAINT orders_user TO orders_person;
      ALTER SEQUENCE numbers RENAME TO ids;
      CREATE TABLE users (id int);`)

    const { plan, result } = await checkoutDatabase(store, db.url, 'HEAD')

    expect(plan.outline?.renames).toEqual([
      { kind: 'SEQUENCE', from: 'public.ids', to: 'public.numbers' },
      { kind: 'TABLE', from: 'public.people', to: 'public.users' },
      { kind: 'COLUMN', from: 'public.users.full_name', to: 'public.users.name' },
      {
        kind: 'FK CONSTRAINT',
        from: 'public.orders orders_person',
        to: 'public.orders orders_user',
      },
    ])
    expect(plan.schema.map(describeSchemaDifference)).toEqual([
      'TABLE public.users should not be there',
    ])
    expect(plan.outline?.sequences).toEqual([])
    expect(plan.tables.map(({ name, change, renamedFrom }) => [name, change, renamedFrom])).toEqual(
      expect.arrayContaining([
        ['users', 'unchanged', { namespace: 'public', name: 'people' }],
        ['users', 'extra', null],
        ['logs', 'unchanged', null],
      ]),
    )
    expect(result.form).toEqual({ kind: 'surgical' })
    expect(await fileOf(db, 'users')).toBe(file)
    expect(describeDifference(before, await dump(major, db))).toBeUndefined()
  })

  test('a commit knows its tables’ columns by number, dropped ones too', async () => {
    const db = await database(major)
    await db.query(`
      ALTER TABLE users DROP COLUMN name CASCADE;
      CREATE TYPE pair AS (a int, b int)`)
    const store = await memoryStore()
    const { commitId } = await commitDatabase(store, db.url)
    const commit = await store.objects.readCommit(commitId)
    const facts = await readFacts(store, commitId)
    const columns = facts.flatMap((fact) => (fact.columns === undefined ? [] : [fact.columns]))
    const [{ oid }] = (await db.query(
      'SELECT oid::int FROM pg_database WHERE datname = current_database()',
    )) as [{ oid: number }]

    expect(commit.database.oid).toBe(oid)
    expect(columns).toHaveLength(4)
    expect(columns).toEqual(
      expect.arrayContaining([
        ['id', null, 'email'],
        ['id', 'user_id', 'note'],
        ['a', 'b'],
      ]),
    )
  })

  test('wrong hints end in a correct checkout all the same', async () => {
    const db = await database(major)
    const store = await memoryStore()
    const { commitId } = await commitDatabase(store, db.url)
    const before = await dump(major, db)
    await db.query('DROP TABLE logs; ALTER TABLE users RENAME COLUMN email TO mail')
    const { commitId: wreckedId } = await commitDatabase(store, db.url)
    const wrecked = await dump(major, db)

    // Tables, and what else is alike, are given each other's OIDs as they are now, and columns turned round.
    const anyForgery = fc.record({ distance: fc.nat(5), isReversed: fc.boolean() })
    let isWrecked = true
    let followedCount = 0
    const forgeries = fc.sample(anyForgery, { numRuns: 5, seed: major })
    for (const { distance, isReversed } of [{ distance: 1, isReversed: true }, ...forgeries]) {
      const { commitId: liveId } = await commitDatabase(store, db.url)
      const live = await readFacts(store, liveId)
      const forge = (facts: CatalogFact[]) =>
        facts.map((fact): CatalogFact => {
          const isAlike = ({ classOid, columns }: CatalogFact) =>
            classOid === fact.classOid && (columns === undefined) === (fact.columns === undefined)
          const given = live.filter(isAlike)
          const other = given[(facts.filter(isAlike).indexOf(fact) + distance) % given.length]
          return {
            ...fact,
            oid: other?.oid ?? fact.oid,
            ...(fact.columns !== undefined && isReversed
              ? { columns: fact.columns.toReversed() }
              : {}),
          }
        })
      const target = await commitWithFacts(store, isWrecked ? commitId : wreckedId, forge)
      const { plan } = await checkoutDatabase(store, db.url, target)
      followedCount += Math.sign(plan.outline?.renames.length ?? 0)
      expect({
        distance,
        isReversed,
        difference: describeDifference(isWrecked ? before : wrecked, await dump(major, db)),
      }).toEqual({ distance, isReversed, difference: undefined })
      isWrecked = !isWrecked
    }
    expect(followedCount).toBeGreaterThan(3)
  })

  test('a name that the server refuses is done without', async () => {
    const db = await createDatabase(major)
    await db.query(`
      CREATE TABLE citext (id int PRIMARY KEY);
      INSERT INTO citext SELECT g FROM generate_series(1, 100) g`)
    const store = await memoryStore()
    await commitDatabase(store, db.url)
    const before = await dump(major, db)
    // What belongs to an extension is not in a commit, so nothing tells that the name is taken.
    await db.query('ALTER TABLE citext RENAME TO words; CREATE EXTENSION citext')
    const retries: string[] = []

    const { plan, result } = await checkoutDatabase(store, db.url, 'HEAD', {
      reporter: (event) => {
        if (event.kind === 'warning') retries.push(event.code)
      },
    })

    expect(plan.outline?.renames).toEqual([
      { kind: 'TABLE', from: 'public.words', to: 'public.citext' },
    ])
    expect(retries).toEqual(['RESTORE_RETRIED'])
    expect(result.form).toEqual({ kind: 'surgical' })
    expect(describeDifference(before, await dump(major, db))).toBeUndefined()
  })

  test('the hints of another database are not followed', async () => {
    const db = await database(major)
    const store = await memoryStore()
    await commitDatabase(store, db.url)
    const before = await dump(major, db)
    // A copy has the same OIDs for the same tables, and they may be about others by now.
    const copy = await createDatabase(major, { template: db.name })
    await copy.query('ALTER TABLE users RENAME TO people')

    const { plan } = await checkoutDatabase(store, copy.url, 'HEAD', { isForced: true })

    expect(plan.outline?.renames).toEqual([])
    expect(describeDifference(before, await dump(major, copy))).toBeUndefined()
  })

  test('rows that a commit leaves out stay in a table that gets its name back', async () => {
    const db = await database(major)
    const store = await memoryStore()
    await commitDatabase(store, db.url, { selection: { excludeTableData: ['logs'] } })
    await db.query(`
      ALTER TABLE logs RENAME TO journal;
      INSERT INTO journal VALUES (101, 'newer');
      DELETE FROM orders`)

    await checkoutDatabase(store, db.url, 'HEAD', { withSafetyCommit: false })

    expect(
      await db.query(
        'SELECT (SELECT count(*)::int FROM logs) AS logs, (SELECT count(*)::int FROM orders) AS orders',
      ),
    ).toEqual([{ logs: 101, orders: 100 }])
  })

  test('rows that differ are moved singly, in a renamed table by its renamed key', async () => {
    const db = await createDatabase(major)
    await db.query(`
      CREATE TABLE big (id int PRIMARY KEY, x text);
      INSERT INTO big SELECT g, repeat('x', 200) FROM generate_series(1, 5000) g`)
    const store = await memoryStore()
    await commitDatabase(store, db.url)
    const before = await dump(major, db)
    const file = await fileOf(db, 'big')
    await db.query(`
      ALTER TABLE big RENAME TO huge;
      ALTER TABLE huge RENAME COLUMN id TO number;
      UPDATE huge SET x = 'changed' WHERE number < 20;
      DELETE FROM huge WHERE number = 77`)

    const plan = await planCheckout(store, {
      database: await addressOf(db.url),
      author: AUTHOR,
      revision: 'HEAD',
    })
    expect(plan.inPlace?.change).toMatchObject({ form: 'surgical' })
    const { surgery } = plan.inPlace!.change as Extract<
      NonNullable<typeof plan.inPlace>['change'],
      { form: 'surgical' }
    >
    expect(surgery.rowSteps).toEqual(new Map([['public\0big', 'delta']]))
    await checkoutDatabase(store, db.url, 'HEAD')

    expect(await fileOf(db, 'big')).toBe(file)
    expect(describeDifference(before, await dump(major, db))).toBeUndefined()
  })
})

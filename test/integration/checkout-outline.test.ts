import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { applyCheckout } from '../../src/restore/apply-checkout.ts'
import { formatCheckoutSql } from '../../src/restore/checkout-sql.ts'
import { planCheckout } from '../../src/restore/plan-checkout.ts'
import { createDatabase, eachMajor } from '../support/postgres.ts'
import { AUTHOR, addressOf, commitDatabase, memoryStore } from '../support/session.ts'
import { dumpWith } from '../support/witness.ts'

/** A table large enough for single rows to be moved, small ones beside it, and what depends on them. */
const TABLES = `
  CREATE TABLE large (id int PRIMARY KEY, note text);
  INSERT INTO large SELECT g, repeat(md5(g::text), 4) FROM generate_series(1, 5000) g;
  CREATE TABLE small (id int PRIMARY KEY, large_id int REFERENCES large, note text);
  INSERT INTO small SELECT g, g, 'note' FROM generate_series(1, 10) g;
  CREATE VIEW notes AS SELECT note FROM small;
  CREATE TABLE untouched (id serial PRIMARY KEY);
  INSERT INTO untouched DEFAULT VALUES`

const MIGRATION = `
  UPDATE large SET note = 'changed' WHERE id % 100 = 0;
  DELETE FROM large WHERE id BETWEEN 101 AND 103;
  INSERT INTO large VALUES (6000, 'new');
  ALTER TABLE small ALTER COLUMN note SET DEFAULT 'x';
  ALTER TABLE untouched ADD CONSTRAINT positive CHECK (id > 0);
  CREATE TABLE extra AS SELECT 1 AS x;
  SELECT nextval('untouched_id_seq')`

eachMajor((major) => {
  test('a plan says of each table, entry and sequence what will be done, and exactly what is lost', async () => {
    const db = await createDatabase(major)
    await db.query(TABLES)
    const store = await memoryStore()
    await commitDatabase(store, db.url)
    await db.query(MIGRATION)

    const options = { database: await addressOf(db.url), author: AUTHOR }
    const { outline } = await planCheckout(store, { ...options, revision: 'HEAD' })

    expect(outline).toMatchObject({ form: 'surgical', because: null, refreshed: [] })
    expect(
      outline!.tables.map(({ name, step, rowsUpdated, rowsDeleted, rowsInserted }) => ({
        name,
        step,
        rows: [rowsUpdated, rowsDeleted, rowsInserted],
      })),
    ).toEqual([
      { name: 'extra', step: 'drop', rows: [0, 0, 0] },
      { name: 'large', step: 'delta', rows: [50, 1, 3] },
      { name: 'small', step: 'keep', rows: [0, 0, 0] },
      { name: 'untouched', step: 'keep', rows: [0, 0, 0] },
    ])
    expect(outline!.schema.map(({ action, kind, name }) => `${action} ${kind} ${name}`)).toEqual([
      'alter TABLE small',
      'alter TABLE untouched',
      'drop TABLE extra',
      'recreate FK CONSTRAINT small small_large_id_fkey',
    ])
    expect(outline!.sequences).toEqual([
      {
        namespace: 'public',
        name: 'untouched_id_seq',
        before: { lastValue: '2', isCalled: true },
        after: { lastValue: '1', isCalled: true },
      },
    ])
    expect(outline!.losses).toEqual([
      { kind: 'table', namespace: 'public', name: 'extra', rowCount: 1 },
      { kind: 'rows', namespace: 'public', name: 'large', rowCount: 51 },
      {
        kind: 'schemaEntry',
        entryKind: 'TABLE',
        namespace: 'public',
        name: 'small',
        isDropped: false,
      },
      {
        kind: 'schemaEntry',
        entryKind: 'TABLE',
        namespace: 'public',
        name: 'untouched',
        isDropped: false,
      },
      { kind: 'sequences', count: 1 },
    ])
  })

  test('the locks that a plan announces are those that are taken', async () => {
    const db = await createDatabase(major)
    await db.query(TABLES)
    const store = await memoryStore()
    await commitDatabase(store, db.url)
    await db.query(MIGRATION)

    let taken: unknown
    const options = {
      database: await addressOf(db.url),
      author: AUTHOR,
      reporter: ({ kind, phase }: { kind: string; phase?: string }) => {
        // Nothing else happens while this waits: all locks are taken, and none is given back yet.
        if (kind === 'phaseStarted' && phase === 'prove') taken = readLocks(db.url)
      },
    }
    const plan = await planCheckout(store, { ...options, revision: 'HEAD' })
    await applyCheckout(store, plan, options)

    expect(plan.outline!.locks.againstWriters.toSorted()).toEqual([
      'public.extra',
      'public.large',
      'public.small',
      'public.untouched',
    ])
    expect(plan.outline!.locks.againstReaders).toEqual(taken)
  })

  test('the statements of a plan without rows, run by hand, do what the checkout would', async () => {
    const db = await createDatabase(major)
    await db.query(TABLES)
    const store = await memoryStore()
    await commitDatabase(store, db.url)
    const before = await dumpWith(major, db.url)
    await db.query(`
      ALTER TABLE small ALTER COLUMN note SET DEFAULT 'x';
      CREATE INDEX ON large (note);
      CREATE OR REPLACE VIEW notes AS SELECT note, id FROM small;
      COMMENT ON TABLE small IS 'tiny';
      SELECT nextval('untouched_id_seq');
      CREATE TABLE extra (x int)`)

    const options = { database: await addressOf(db.url), author: AUTHOR, isDryRun: true }
    const plan = await planCheckout(store, { ...options, revision: 'HEAD' })
    await db.query(formatCheckoutSql(plan, { withOwners: true, withPrivileges: true }).join('\n'))

    expect(await dumpWith(major, db.url)).toBe(before)
  })

  test('a dry run puts nothing into the store', async () => {
    const db = await createDatabase(major)
    await db.query(TABLES)
    const store = await memoryStore()
    await commitDatabase(store, db.url)
    await db.query(MIGRATION)
    const listFiles = async () => {
      const keys: string[] = []
      for await (const { key } of store.backend.list('')) keys.push(key)
      return keys.sort()
    }
    const before = await listFiles()

    const options = { database: await addressOf(db.url), author: AUTHOR, isDryRun: true }
    await planCheckout(store, { ...options, revision: 'HEAD' })

    expect(await listFiles()).toEqual(before)
  })
})

function readLocks(url: string): string[] {
  const sql = `SELECT n.nspname || '.' || c.relname FROM pg_locks l
    JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE l.mode = 'AccessExclusiveLock' AND c.relkind = 'r' AND n.nspname = 'public'
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY 1`
  return execFileSync('psql', [url, '-XAtqc', sql], { encoding: 'utf8' }).trim().split('\n')
}

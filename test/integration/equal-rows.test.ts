/**
 * Rows that only moved are the rows they were: the commit holds the same tree.
 */
import { expect, test } from 'vitest'
import type { CommitResult } from '../../src/capture/commit.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { createDatabase, oldestAndNewestMajor, type TestDatabase } from '../support/postgres.ts'
import { checkoutDatabase, commitDatabase, memoryStore } from '../support/session.ts'

/** Rows in an order that nothing asks for, some of them twice; the table has no key. */
const ROWS = `
  CREATE TABLE visits (customer integer, page text, note text);
  INSERT INTO visits SELECT (g * 7919) % 5000, 'page ' || g % 50, md5((g / 2)::text) FROM generate_series(1, 20000) g;
  CREATE INDEX by_customer ON visits (customer); ALTER TABLE visits CLUSTER ON by_customer;
  CREATE TABLE people (id integer PRIMARY KEY, name text);
  INSERT INTO people SELECT g, 'person ' || g FROM generate_series(1, 20000) g;`

/** What moves rows and changes none. */
const MOVES: Record<string, string> = {
  CLUSTER: 'CLUSTER visits',
  'a table that was dumped and loaded in another order': `
    CREATE TABLE kept AS SELECT * FROM visits;
    TRUNCATE visits;
    INSERT INTO visits SELECT * FROM kept ORDER BY note, page, customer DESC;
    DROP TABLE kept`,
  'an update that was taken back, and VACUUM FULL': `
    UPDATE people SET name = upper(name) WHERE id % 10 = 0;
    UPDATE people SET name = lower(name) WHERE id % 10 = 0;
    VACUUM FULL people`,
}

oldestAndNewestMajor((major) => {
  test.each(Object.keys(MOVES))('after %s a commit says that nothing changed', async (name) => {
    const database = await createDatabase(major)
    await run(database, ROWS)
    const store = await memoryStore()
    const before = await commitDatabase(store, database.url)
    await run(database, MOVES[name]!)
    const after = await commitDatabase(store, database.url)

    expect(after.isUnchanged).toBe(true)
    expect(treeOf(after)).toBe(treeOf(before))
    expect((await fsck(store.backend)).findings).toEqual([])
  })

  test('rows that a checkout put back are the rows they were', async () => {
    const database = await createDatabase(major)
    await run(database, ROWS)
    const store = await memoryStore()
    const before = await commitDatabase(store, database.url)
    await run(
      database,
      `DELETE FROM people WHERE id % 100 = 3; UPDATE people SET name = '?' WHERE id = 10`,
    )
    const between = await commitDatabase(store, database.url)
    expect(treeOf(between)).not.toBe(treeOf(before))
    await checkoutDatabase(store, database.url, before.commitId)

    expect(treeOf(await commitDatabase(store, database.url))).toBe(treeOf(before))
  })

  test('a row that became another of the same length is a change', async () => {
    const database = await createDatabase(major)
    await run(database, ROWS)
    const store = await memoryStore()
    const before = await commitDatabase(store, database.url)
    await run(database, `CLUSTER visits; UPDATE visits SET customer = 4998 WHERE customer = 4999`)
    const after = await commitDatabase(store, database.url)

    expect(after.isUnchanged).toBe(false)
    expect(treeOf(after)).not.toBe(treeOf(before))
  })
})

const treeOf = ({ commit }: CommitResult) => commit.treeId

async function run(database: TestDatabase, script: string): Promise<void> {
  for (const statement of script.split(';')) await database.query(statement)
}

import { expect, test } from 'vitest'
import { captureDatabase } from '../../src/capture/capture-database.ts'
import { WHOLE_DATABASE } from '../../src/capture/selection.ts'
import { HashingSink } from '../../src/objects/object-sink.ts'
import { resolveDatabaseAddress } from '../../src/postgres/address/resolve-database-address.ts'
import { createDatabase, eachMajor } from '../support/postgres.ts'

const addressOf = (url: string) =>
  resolveDatabaseAddress({
    url,
    environment: {},
    workingDirectory: '/nonexistent',
    homeDirectory: '/nonexistent',
    userName: 'postgres',
  })

eachMajor((major) => {
  test('capturing twice gives the same tree, whatever the number of jobs', async () => {
    const database = await createDatabase(major)
    await database.query(`
      CREATE TABLE a (id int PRIMARY KEY, t text); INSERT INTO a SELECT g, 'row ' || g FROM generate_series(1, 50000) g;
      CREATE TABLE b (x int) PARTITION BY RANGE (x); CREATE TABLE b1 PARTITION OF b FOR VALUES FROM (0) TO (10);
      INSERT INTO b VALUES (1), (2);
      CREATE SEQUENCE s; SELECT nextval('s');
      SELECT lo_from_bytea(0, 'hello');`)
    const capture = async (jobs: number) =>
      captureDatabase(new HashingSink(), {
        database: await addressOf(database.url),
        selection: WHOLE_DATABASE,
        jobs,
        lockTimeoutMs: 1000,
      })
    const first = await capture(1)
    const second = await capture(4)
    expect(second.treeId).toBe(first.treeId)
    expect(first.tree.tables.map(({ name, rows }) => [name, rows?.rowCount])).toEqual([
      ['a', 50000],
      ['b1', 2],
    ])
    expect(first.tree.largeObjects.metadata.rowCount).toBe(1)
  })
})

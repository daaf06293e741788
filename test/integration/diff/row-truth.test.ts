import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WHOLE_DATABASE } from '../../../src/capture/selection.ts'
import { readCommittedState } from '../../../src/diff/committed-state.ts'
import { captureLiveState } from '../../../src/diff/database-state.ts'
import { diffStates, diffTableRows, listChangedTables } from '../../../src/diff/diff-states.ts'
import { formatRowChange } from '../../../src/diff/sql-script.ts'
import { allMajors, createDatabase, eachMajor, type TestDatabase } from '../../support/postgres.ts'
import { addressOf, commitDatabase, memoryStore } from '../../support/session.ts'

let scratchDirectory: string
beforeAll(async () => {
  scratchDirectory = await mkdtemp(join(tmpdir(), 'snap-row-truth-'))
})
afterAll(() => rm(scratchDirectory, { recursive: true }))

/** How rows are told apart; `tenant, code` is unique in every table made here. */
const KEYS = {
  primary: 'PRIMARY KEY (tenant, code)',
  unique: 'UNIQUE (tenant, code)',
  none: 'CHECK (true)',
} as const

const edits = fc.array(
  fc.record({
    action: fc.constantFrom('delete', 'update', 'insert', 'rewrite'),
    modulus: fc.constantFrom(1, 2, 7, 101, 1009),
    seed: fc.nat(9999),
  }),
  { minLength: 1, maxLength: 3 },
)

/** Rows of varied length, some nulls, every character that COPY escapes, and now and then 300 kB in one row. */
const newRows = (seed: number, first: number, count: number) => `
  INSERT INTO t SELECT n % 5, 'c' || n, CASE WHEN n % 11 = 0 THEN NULL ELSE md5(n::text || ${seed}) END,
    CASE n % 1000 WHEN 3 THEN repeat(md5(n::text), 10000) WHEN 4 THEN E'\\\\.\\n\\t\\r\\\\N é𝄞' ELSE repeat('x', n % 50) END
  FROM generate_series(${first}, ${first + count - 1}) AS n`

const statements = {
  delete: (modulus: number, seed: number) =>
    `DELETE FROM t WHERE hashtext(tenant || code || ${seed}) % ${modulus} = 0`,
  update: (modulus: number, seed: number) =>
    `UPDATE t SET value = md5(value || ${seed}) WHERE hashtext(code || ${seed}) % ${modulus} = 0`,
  insert: (modulus: number, seed: number) =>
    newRows(seed, 1_000_000 + seed * 2000, Math.ceil(2000 / modulus)),
  // Same rows, in another order of the heap.
  rewrite: () => 'UPDATE t SET value = value WHERE tenant = 2',
}

async function truth(database: TestDatabase, isKeyed: boolean) {
  const [row] = await database.query<{ deleted: number; inserted: number; updated: number }>(
    isKeyed
      ? `SELECT count(*) FILTER (WHERE a.code IS NULL)::int AS deleted, count(*) FILTER (WHERE b.code IS NULL)::int AS inserted,
                count(*) FILTER (WHERE a.code IS NOT NULL AND b.code IS NOT NULL)::int AS updated
           FROM kept.t b FULL JOIN public.t a USING (tenant, code) WHERE a IS DISTINCT FROM b`
      : `SELECT (SELECT count(*)::int FROM (TABLE kept.t EXCEPT ALL TABLE public.t) AS gone) AS deleted,
                (SELECT count(*)::int FROM (TABLE public.t EXCEPT ALL TABLE kept.t) AS come) AS inserted, 0 AS updated`,
  )
  return row!
}

eachMajor((majorVersion) => {
  test('random edits are counted as SQL counts them, and applied they give the same rows', async () => {
    const database = await createDatabase(majorVersion)
    const random = fc.asyncProperty(
      fc.constantFrom(...(['primary', 'unique', 'none'] as const)),
      fc.constantFrom(0, 40, 6000),
      edits,
      fc.constantFrom(undefined, 50_000),
      async (key, rowCount, changes, memoryBudgetBytes) => {
        await database.query(`
          DROP SCHEMA IF EXISTS kept CASCADE; DROP TABLE IF EXISTS t;
          CREATE TABLE t (tenant int NOT NULL, code text NOT NULL, value text, note text, CONSTRAINT k ${KEYS[key]});
          ${newRows(0, 1, rowCount)};
          CREATE SCHEMA kept; CREATE TABLE kept.t AS TABLE t`)
        const store = await memoryStore()
        const { commitId: first } = await commitDatabase(store, database.url)
        for (const { action, modulus, seed } of changes) {
          await database.query(`${statements[action](modulus, seed)}`).catch(ignoreRepeatedKey)
        }
        const { commitId: second } = await commitDatabase(store, database.url)

        const before = await readCommittedState(store, first)
        const after = await readCommittedState(store, second)
        const options = { scratchDirectory, memoryBudgetBytes }
        const expected = await truth(database, key !== 'none')
        const counted = await diffStates(before, after, options)
        const found = counted.tables.find(({ name }) => name === 't')?.rows
        expect(found ?? { deleted: 0, inserted: 0, updated: 0 }).toEqual(expected)

        const script: string[] = []
        for (const pair of listChangedTables(before, after)) {
          for (const kind of ['deleted', 'updated', 'inserted']) {
            for await (const change of diffTableRows(before, after, pair, options)) {
              if (change.kind === kind) {
                script.push(formatRowChange({ ...pair, namespace: 'kept' }, change))
              }
            }
          }
        }
        await database.query(`CREATE INDEX ON kept.t (tenant, code); ANALYZE kept.t`)
        // Thousands of single statements without a key take a scan each; counting them is enough.
        if (key === 'none' && script.length > 500) return
        await database.query(`SET standard_conforming_strings = on; ${script.join('\n')}`)
        expect(await truth(database, false)).toEqual({ deleted: 0, inserted: 0, updated: 0 })
      },
    )
    await fc.assert(random, { numRuns: 12, endOnFailure: true })
    expect(await readdir(scratchDirectory)).toEqual([])
  })
})

/** An insert of the same seed twice; the rows of the first stay. */
function ignoreRepeatedKey(error: { code?: string }): never[] {
  if (error.code !== '23505') throw error
  return []
}

test('the live state differs from a commit as a second commit does, and the store stays as it is', async () => {
  const database = await createDatabase(allMajors.at(-1)!)
  await database.query(`
    CREATE TABLE t (tenant int, code text, value text, note text, PRIMARY KEY (tenant, code)); ${newRows(1, 1, 20_000)};
    CREATE SEQUENCE s; CREATE MATERIALIZED VIEW m AS SELECT 1 AS n; CREATE MATERIALIZED VIEW stays AS SELECT 2 AS n;
    SELECT lo_from_bytea(4001, 'stays'), lo_from_bytea(4002, 'changes'), lo_from_bytea(4003, 'goes');`)
  const store = await memoryStore()
  const { commitId: first } = await commitDatabase(store, database.url)
  await database.query(`
    ${statements.update(7, 1)}; ALTER TABLE t ADD COLUMN extra int; SELECT nextval('s'); CREATE VIEW v AS SELECT 1 AS n;
    REFRESH MATERIALIZED VIEW m WITH NO DATA;
    SELECT lo_put(4002, 0, 'C'), lo_unlink(4003), lo_from_bytea(4004, 'comes'); COMMENT ON LARGE OBJECT 4001 IS 'said';`)

  const keys: string[] = []
  for await (const { key } of store.backend.list('')) keys.push(key)
  const live = await captureLiveState(store, {
    database: await addressOf(database.url),
    selection: WHOLE_DATABASE,
    scratchDirectory: await mkdtemp(join(scratchDirectory, 'live-')),
  })
  const keysAfterwards: string[] = []
  for await (const { key } of store.backend.list('')) keysAfterwards.push(key)
  expect(keysAfterwards).toEqual(keys)

  const { commitId: second } = await commitDatabase(store, database.url)
  const before = await readCommittedState(store, first)
  const after = await readCommittedState(store, second)
  const diff = await diffStates(before, live, { scratchDirectory })
  expect(diff).toEqual(await diffStates(before, after, { scratchDirectory }))
  expect(live.treeId).toBe(after.treeId)
  expect(diff).toMatchObject({
    isEqual: false,
    tables: [{ name: 't', columns: { onlyAfter: ['extra'] }, keyColumns: ['tenant', 'code'] }],
    sequences: [{ name: 's', before: { isCalled: false }, after: { isCalled: true } }],
    largeObjects: { added: [4004], removed: [4003], changed: [4001, 4002] },
    materializedViews: [
      { name: 'm', before: { isPopulated: true }, after: { isPopulated: false } },
    ],
  })
  expect(diff.schema.map(({ change, after: entry }) => [change, entry?.kind, entry?.name])).toEqual(
    [
      ['changed', 'TABLE', 't'],
      ['added', 'VIEW', 'v'],
    ],
  )
})

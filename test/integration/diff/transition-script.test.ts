/**
 * The script of `snap diff --sql`, run by psql on a database in the first state, gives the second
 * by pg_dump: over every migration of the corpus, there and back.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readCommittedState } from '../../../src/diff/committed-state.ts'
import { planTransition } from '../../../src/export/plan-transition.ts'
import { formatTransition } from '../../../src/export/transition-script.ts'
import type { ObjectId } from '../../../src/format/values.ts'
import type { Store } from '../../../src/store.ts'
import { createDatabase, oldestAndNewestMajor, type TestDatabase } from '../../support/postgres.ts'
import { commitDatabase, memoryStore } from '../../support/session.ts'
import { groupTransitions, listTransitions, type Transition } from '../../support/transitions.ts'
import { describeDifference, dumpWith } from '../../support/witness.ts'

const GROUP_SIZE = 12

/** Migrations of which one way has no script that psql could run, and what psql then says. */
const KNOWN_GAPS: ReadonlyMap<string, { complaint: RegExp; because: string }> = new Map([
  [
    'materialized-view-of-another-owner',
    {
      complaint: /permission denied for table t/,
      because: 'a refresh reads with the rights of the owner, who has lost them since',
    },
  ],
])
const isKnownGap = ({ name }: Transition) => KNOWN_GAPS.has(name)

let scratchDirectory: string
beforeAll(async () => {
  scratchDirectory = await mkdtemp(join(tmpdir(), 'snap-transition-'))
})
afterAll(() => rm(scratchDirectory, { recursive: true }))

oldestAndNewestMajor((major) => {
  const groups = groupTransitions(
    listTransitions().filter((transition) => !isKnownGap(transition)),
    GROUP_SIZE,
  )
  test.each(
    groups.map((cases): [string, Transition[]] => [
      cases.map(({ name }) => name).join(', '),
      cases,
    ]),
  )('there and back: %s', async (_, cases) => {
    await thereAndBack(major, cases.map(makeIn), cases.map(changeIn))
  })

  test.each(listTransitions().filter(isKnownGap))(
    '$name has no script yet that works both ways',
    async (transition) => {
      const { complaint } = KNOWN_GAPS.get(transition.name)!
      await expect(
        thereAndBack(major, [makeIn(transition)], [changeIn(transition)]),
      ).rejects.toMatchObject({ actual: { complaints: expect.stringMatching(complaint) } })
    },
  )

  test('rows may swap unique values, and identity columns take any', async () => {
    const makeRows = `
      CREATE TABLE seats (id int PRIMARY KEY, seat int UNIQUE, "Label" text);
      CREATE UNIQUE INDEX ON seats (lower("Label"));
      CREATE TABLE numbered (id int PRIMARY KEY, number int GENERATED ALWAYS AS IDENTITY);
      INSERT INTO seats VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c');
      INSERT INTO numbered (id) VALUES (1), (2)`
    const swap = `
      UPDATE seats SET seat = NULL, "Label" = id::text; UPDATE seats SET seat = 4 - id;
      UPDATE seats SET "Label" = CASE id WHEN 1 THEN 'B' WHEN 2 THEN 'A' ELSE 'd' END;
      DELETE FROM numbered; INSERT INTO numbered OVERRIDING SYSTEM VALUE VALUES (1, 20), (2, 10)`
    await thereAndBack(major, [makeRows], [swap])
  })

  test('a column is filled, retyped or dropped with its rows, also without a key', async () => {
    const make = `
      CREATE TABLE bag (n int, at timestamp); INSERT INTO bag SELECT n % 3, '2024-01-02 03:04:05' FROM generate_series(1, 9) AS n;
      CREATE TABLE keyed (at timestamp PRIMARY KEY, n numeric(6,2), gone text);
      INSERT INTO keyed VALUES ('2024-01-02 00:00:00', 1.50, 'x'), ('2024-01-03', 2, 'y');
      CREATE VIEW seen AS SELECT n AS first, gone FROM keyed; CREATE MATERIALIZED VIEW kept AS SELECT at FROM keyed`
    const change = `
      DROP VIEW seen; DROP MATERIALIZED VIEW kept;
      ALTER TABLE bag ALTER COLUMN at TYPE date, ADD COLUMN more text NOT NULL DEFAULT 'm'; DELETE FROM bag WHERE n = 2;
      ALTER TABLE keyed ALTER COLUMN at TYPE date, ALTER COLUMN n TYPE int, DROP COLUMN gone, ADD COLUMN come int;
      UPDATE keyed SET come = n; CREATE VIEW seen AS SELECT n AS first, come FROM keyed`
    await thereAndBack(major, [make], [change])
  })

  test('large objects come, go and change with their owners and comments', async () => {
    await thereAndBack(
      major,
      [
        `SELECT lo_from_bytea(41, 'stays'), lo_from_bytea(42, 'changes'), lo_from_bytea(43, 'goes'); COMMENT ON LARGE OBJECT 41 IS 'said'`,
      ],
      [
        `SELECT lo_put(42, 0, 'C'), lo_unlink(43), lo_from_bytea(44, decode(repeat('00ff', 3000), 'hex')); GRANT SELECT ON LARGE OBJECT 41 TO PUBLIC`,
      ],
    )
  })

  test('what a state does not hold, and what nobody asked for, is named', async () => {
    const database = await createDatabase(major)
    await database.query(
      'CREATE TABLE kept (id int PRIMARY KEY); CREATE TABLE log (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY); CREATE TABLE turned (a int, b int); INSERT INTO turned VALUES (1, 2)',
    )
    const store = await memoryStore()
    const selection = { excludeTableData: ['log'] }
    const { commitId: first } = await commitDatabase(store, database.url, { selection })
    await database.query(
      'INSERT INTO kept VALUES (1); INSERT INTO other VALUES (1); ALTER TABLE log RENAME TO journal; DROP TABLE turned; CREATE TABLE turned (b int, a int)',
    )
    const { commitId: second } = await commitDatabase(store, database.url, {
      selection: { excludeTableData: ['journal'] },
    })
    const states = [
      await readCommittedState(store, first),
      await readCommittedState(store, second),
    ] as const
    const { leftOut } = await planTransition(...states, {
      scratchDirectory,
      isWanted: ({ name }) => name === 'kept',
    })
    expect(leftOut).toEqual([
      { kind: 'rows', namespace: 'public', name: 'journal', because: 'left out', areLost: false },
      { kind: 'rows', namespace: 'public', name: 'other', because: 'not wanted', areLost: false },
      { kind: 'rows', namespace: 'public', name: 'turned', because: 'not wanted', areLost: true },
    ])
    await database.drop()
  })
})

const makeIn = ({ namespace, a }: Transition) =>
  `CREATE SCHEMA ${namespace}; SET search_path = ${namespace}; ${a}`
const changeIn = ({ namespace, b }: Transition) => `SET search_path = ${namespace}; ${b}`

async function thereAndBack(
  major: number,
  make: readonly string[],
  change: readonly string[],
): Promise<void> {
  const database = await createDatabase(major)
  await prepareRoles(database)
  const store = await memoryStore()
  for (const sql of make) await database.query(sql)
  const first = await stateOf(major, store, database)
  const copy = await createDatabase(major, { template: database.name })
  for (const sql of change) await database.query(sql)
  const second = await stateOf(major, store, database)

  for (const [direction, from, to] of [
    ['there', first, second],
    ['back', second, first],
  ] as const) {
    const complaints = await apply(store, copy, from.commitId, to.commitId)
    const dump = await dumpWith(major, copy.url, { rowOrder: 'sorted' })
    const difference = describeDifference(to.dump, dump)
    expect({ direction, complaints, difference }).toEqual({
      direction,
      complaints: undefined,
      difference: undefined,
    })
  }
  await copy.drop()
  await database.drop()
}

async function stateOf(major: number, store: Store, database: TestDatabase) {
  const { commitId } = await commitDatabase(store, database.url)
  return { commitId, dump: await dumpWith(major, database.url, { rowOrder: 'sorted' }) }
}

/** @returns  what psql complained of */
async function apply(
  store: Store,
  database: TestDatabase,
  from: ObjectId,
  to: ObjectId,
): Promise<string | undefined> {
  const before = await readCommittedState(store, from)
  const after = await readCommittedState(store, to)
  const transition = await planTransition(before, after, { scratchDirectory })
  expect(transition.leftOut).toEqual([])
  const statements: string[] = []
  for await (const statement of formatTransition(
    transition,
    { before, after },
    { scratchDirectory },
  )) {
    statements.push(statement)
  }
  const client = spawn(
    'psql',
    ['--no-psqlrc', '--quiet', '-v', 'ON_ERROR_STOP=1', `--dbname=${database.url}`],
    { stdio: ['pipe', 'ignore', 'pipe'] },
  )
  let complaints = ''
  client.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  client.stdin.on('error', () => {
    // psql stopped at an error, which its exit reports.
  })
  client.stdin.end(statements.join('\n'))
  const [exitCode] = await once(client, 'close')
  return exitCode === 0 ? undefined : complaints
}

async function prepareRoles(database: TestDatabase): Promise<void> {
  const make = ['snap_reader', 'snap_other', 'snap_plain_owner'].map(
    (role) =>
      `BEGIN CREATE ROLE ${role} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;`,
  )
  await database.query(`DO $$ BEGIN ${make.join('\n')} END $$`)
}

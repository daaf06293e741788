import { expect, test } from 'vitest'
import { planTableAlteration } from '../../../src/restore/plan-table-alteration.ts'

const options = { serverVersionNumber: 180000 }

function statements(live: string, target: string): string[] | undefined {
  const alteration = planTableAlteration(live, target, options)
  if (alteration === undefined) return undefined
  return [...alteration.relax, ...alteration.reshape, ...alteration.tighten]
}

const table = (...items: string[]) => `CREATE TABLE a.t (\n    ${items.join(',\n    ')}\n);`

test.each([
  [
    'a column that is not wanted is dropped',
    table('id integer NOT NULL', 'extra text'),
    table('id integer NOT NULL'),
    ['ALTER TABLE a.t DROP COLUMN extra'],
  ],
  [
    'a missing last column is added without its default, so that rows do not get it, and made NOT NULL at the end',
    table('id integer'),
    table('id integer', `x text DEFAULT 'a, b'::text NOT NULL`),
    [
      'ALTER TABLE a.t ADD COLUMN x text',
      `ALTER TABLE ONLY a.t ALTER COLUMN x SET DEFAULT 'a, b'::text`,
      'ALTER TABLE a.t ALTER COLUMN x SET NOT NULL',
    ],
  ],
  [
    'a type is changed through text, its default taken away meanwhile',
    table('n bigint DEFAULT 1'),
    table('n integer DEFAULT 1'),
    [
      'ALTER TABLE ONLY a.t ALTER COLUMN n DROP DEFAULT',
      'ALTER TABLE a.t ALTER COLUMN n TYPE integer USING n::text::integer',
      'ALTER TABLE ONLY a.t ALTER COLUMN n SET DEFAULT 1',
    ],
  ],
  [
    'a collation goes back to the default',
    table('n text COLLATE pg_catalog."C"'),
    table('n text'),
    ['ALTER TABLE a.t ALTER COLUMN n TYPE text'],
  ],
  [
    'checks are compared by name and text',
    table('n integer', 'CONSTRAINT old CHECK ((n > 0))', 'CONSTRAINT same CHECK ((n < 9))'),
    table('n integer', 'CONSTRAINT new CHECK ((n > 1))', 'CONSTRAINT same CHECK ((n < 9))'),
    ['ALTER TABLE a.t DROP CONSTRAINT old', 'ALTER TABLE a.t ADD CONSTRAINT new CHECK ((n > 1))'],
  ],
  [
    'a generated column is dropped before what it is computed from, and added again at the end',
    table('a integer', 'b integer', 'c integer GENERATED ALWAYS AS ((a + b)) STORED'),
    table('a integer', 'c integer GENERATED ALWAYS AS ((a * 2)) STORED'),
    [
      'ALTER TABLE a.t DROP COLUMN c',
      'ALTER TABLE a.t DROP COLUMN b',
      'ALTER TABLE a.t ADD COLUMN c integer GENERATED ALWAYS AS ((a * 2)) STORED',
    ],
  ],
  [
    'settings are taken back and made',
    `${table('a text', 'b text')}
ALTER TABLE ONLY a.t ALTER COLUMN a SET STATISTICS 500;
ALTER TABLE ONLY a.t ALTER COLUMN b SET (n_distinct=5);
ALTER TABLE ONLY a.t REPLICA IDENTITY FULL;`,
    `${table('a text', 'b text')}
ALTER TABLE ONLY a.t ALTER COLUMN a SET STORAGE EXTERNAL;
ALTER TABLE ONLY a.t FORCE ROW LEVEL SECURITY;`,
    [
      'ALTER TABLE ONLY a.t ALTER COLUMN a SET STATISTICS -1',
      'ALTER TABLE ONLY a.t ALTER COLUMN b RESET (n_distinct)',
      'ALTER TABLE ONLY a.t REPLICA IDENTITY DEFAULT',
      'ALTER TABLE ONLY a.t ALTER COLUMN a SET STORAGE EXTERNAL',
      'ALTER TABLE ONLY a.t FORCE ROW LEVEL SECURITY',
    ],
  ],
  [
    'storage parameters are set anew, in the order of the commit',
    `CREATE UNLOGGED TABLE a.t (\n    a text\n)\nWITH (fillfactor='70', autovacuum_enabled='false');`,
    `CREATE TABLE a.t (\n    a text\n)\nWITH (autovacuum_enabled='false', fillfactor='70');`,
    [
      'ALTER TABLE a.t SET LOGGED',
      'ALTER TABLE ONLY a.t RESET (fillfactor, autovacuum_enabled)',
      `ALTER TABLE ONLY a.t SET (autovacuum_enabled='false', fillfactor='70')`,
    ],
  ],
  [
    'a not-null constraint that only has another name is renamed',
    table('id integer CONSTRAINT other NOT NULL'),
    table('id integer NOT NULL'),
    ['ALTER TABLE a.t RENAME CONSTRAINT other TO "t_id_not_null"'],
  ],
])('%s', (_, live, target, expected) => {
  expect(statements(live, target)).toEqual(expected)
})

test.each([
  [
    'a column is wanted before one that stands',
    table('b integer'),
    table('a integer', 'b integer'),
  ],
  [
    'columns are wanted in another order',
    table('a integer', 'b text'),
    table('b text', 'a integer'),
  ],
  [
    'it inherits from another table',
    `${table('a integer').slice(0, -1)}\nINHERITS (a.base);`,
    table('a integer'),
  ],
  [
    'it is partitioned otherwise',
    `${table('a integer').slice(0, -1)}\nPARTITION BY LIST (a);`,
    table('a integer'),
  ],
  ['its column goes from one own type to another', table('a a.old'), table('a a.new')],
  ['it is a table of a type', 'CREATE TABLE a.t OF a.kind;', table('a integer')],
])('a table is rebuilt when %s', (_, live, target) => {
  expect(statements(live, target)).toBeUndefined()
})

test('a partition leaves to its parent what goes down from there', () => {
  const live = table('id integer NOT NULL', 'extra text')
  const target = table('id bigint', 'more text')
  const parent = planTableAlteration(live, target, options)

  const partition = planTableAlteration(live, target, { ...options, parent })

  expect(partition).toMatchObject({
    relax: [],
    reshape: [],
    tighten: [],
    addedColumns: ['more'],
    disturbedColumns: ['extra', 'id'],
  })
})

test('a not-null constraint that a partition has from its parent gets its name from there too', () => {
  const live = table('id integer CONSTRAINT other NOT NULL')
  const target = table('id integer NOT NULL')
  const parent = planTableAlteration(live, target, options)
  const partition = (items: string) => table(items).replace('a.t ', 'a.t_1 ')

  const alteration = planTableAlteration(
    partition('id integer CONSTRAINT other NOT NULL'),
    partition('id integer CONSTRAINT t_id_not_null NOT NULL'),
    { ...options, isPartition: true, parent },
  )

  expect(alteration).toMatchObject({ relax: [], reshape: [], tighten: [] })
})

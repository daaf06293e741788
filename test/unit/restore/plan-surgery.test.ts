import { expect, test } from 'vitest'
import type { CatalogFact, SchemaEntry } from '../../../src/format/values.ts'
import {
  planSurgery,
  type SchemaState,
  type Surgery,
  type SurgeryFacts,
  tableKey,
} from '../../../src/restore/plan-surgery.ts'

/*
 * Schemas are written as they are dumped: entries in creation order, each with the
 * names of those it depends on. What a plan is, is then said in the same names.
 */
interface Sketch {
  kind: string
  name: string
  sql: string
  needs?: string[]
  owner?: string
  drop?: string | null
}

const POST_DATA = new Set([
  'INDEX',
  'CONSTRAINT',
  'FK CONSTRAINT',
  'CHECK CONSTRAINT',
  'TRIGGER',
  'RULE',
  'INDEX ATTACH',
  'EVENT TRIGGER',
  'ROW SECURITY',
])
const WITHOUT_DROP = new Set([
  'ACL',
  'COMMENT',
  'DEFAULT ACL',
  'INDEX ATTACH',
  'TABLE ATTACH',
  'ROW SECURITY',
])
const CONSTRAINTS = new Set(['CONSTRAINT', 'FK CONSTRAINT', 'CHECK CONSTRAINT'])

function dropOf({ kind, name, drop }: Sketch): string | null {
  if (drop !== undefined) return drop
  if (WITHOUT_DROP.has(kind)) return null
  if (!CONSTRAINTS.has(kind)) return `DROP ${kind} a.${name};`
  const [table, constraint] = name.split(' ')
  return `ALTER TABLE ONLY a.${table} DROP CONSTRAINT ${constraint};`
}

function stateOf(sketches: readonly Sketch[]): SchemaState {
  const positions = new Map(sketches.map(({ kind, name }, i) => [`${kind} ${name}`, i]))
  return {
    entries: sketches.map(
      (sketch): SchemaEntry => ({
        kind: sketch.kind,
        namespace: ['SCHEMA', 'EVENT TRIGGER'].includes(sketch.kind) ? null : 'a',
        name: sketch.name,
        owner: sketch.owner ?? 'ada',
        section: POST_DATA.has(sketch.kind) ? 'postData' : 'preData',
        definition: sketch.sql,
        dropStatement: dropOf(sketch),
        tableAccessMethod: null,
        tablespace: null,
      }),
    ),
    facts: sketches.map(
      ({ needs = [] }, entry): CatalogFact => ({
        entry,
        classOid: 1,
        oid: entry + 1,
        dependsOn: needs.map((need) => {
          const position = positions.get(need)
          if (position === undefined) throw new Error(`the sketch has no ${need}`)
          return position
        }),
      }),
    ),
  }
}

function plan(live: Sketch[], target: Sketch[], more: Partial<SurgeryFacts> = {}) {
  return planSurgery({
    live: stateOf(live),
    target: stateOf(target),
    columnDependents: [],
    rowNeeds: new Map(),
    keptRows: new Set(),
    largeTables: new Set(),
    serverVersionNumber: 180000,
    isSuperuser: true,
    withOwners: true,
    withPrivileges: true,
    notAltered: new Set(),
    ...more,
  })
}

const nameOf = ({ kind, name }: SchemaEntry) => `${kind} ${name}`

function summaryOf(surgery: Surgery | undefined) {
  if (surgery === undefined) return undefined
  return {
    dropped: [...surgery.lateDrops, ...surgery.drops].map(({ sql }) => sql),
    created: surgery.created.map(nameOf),
    altered: [...surgery.altered].map(([entry, { statements }]) => [nameOf(entry), ...statements]),
  }
}

const table = (name: string, ...columns: string[]): Sketch => ({
  kind: 'TABLE',
  name,
  sql: `CREATE TABLE a.${name} (\n    ${columns.join(',\n    ')}\n);`,
})
const view = (name: string, of: string, sql = `CREATE VIEW a.${name} AS SELECT 1;`): Sketch => ({
  kind: 'VIEW',
  name,
  sql,
  needs: [`TABLE ${of}`],
})
const key = (of: string): Sketch => ({
  kind: 'CONSTRAINT',
  name: `${of} ${of}_pkey`,
  sql: `ALTER TABLE ONLY a.${of} ADD CONSTRAINT ${of}_pkey PRIMARY KEY (id);`,
  needs: [`TABLE ${of}`],
})
const foreignKey = (of: string, to: string): Sketch => ({
  kind: 'FK CONSTRAINT',
  name: `${of} ${of}_fkey`,
  sql: `ALTER TABLE ONLY a.${of} ADD CONSTRAINT ${of}_fkey FOREIGN KEY (id) REFERENCES a.${to}(id);`,
  needs: [`TABLE ${of}`, `CONSTRAINT ${to} ${to}_pkey`],
})
const trigger = (of: string): Sketch => ({
  kind: 'TRIGGER',
  name: `${of} watched`,
  sql: `CREATE TRIGGER watched BEFORE INSERT ON a.${of} EXECUTE FUNCTION a.f();`,
  needs: [`TABLE ${of}`],
  drop: `DROP TRIGGER watched ON a.${of};`,
})
const fn = (name: string, returns: string, body: string): Sketch => ({
  kind: 'FUNCTION',
  name: `${name}()`,
  sql: `CREATE FUNCTION a.${name}() RETURNS ${returns}\n    LANGUAGE sql\n    AS $$${body}$$;`,
})

const NOTHING = { dropped: [], created: [], altered: [] }
const t = table('t', 'id integer')
const dropT = 'DROP TABLE a.t'

test.each<[string, Sketch[], Sketch[], ReturnType<typeof summaryOf>]>([
  ['absent, absent', [], [], NOTHING],
  ['present, the same', [t], [t], NOTHING],
  ['absent, wanted', [], [t], { ...NOTHING, created: ['TABLE t'] }],
  ['present, not wanted', [t], [], { ...NOTHING, dropped: [dropT] }],
  [
    'different in a way that a table can be altered',
    [table('t', 'id integer', 'extra text')],
    [t],
    { ...NOTHING, dropped: ['ALTER TABLE a.t DROP COLUMN extra'], altered: [['TABLE t']] },
  ],
  [
    'different in a way that it cannot',
    [table('t', 'b text', 'id integer')],
    [table('t', 'id integer', 'b text')],
    { ...NOTHING, dropped: [dropT], created: ['TABLE t'] },
  ],
  [
    'a view is different: it is created again, the table is left alone',
    [t, view('v', 't')],
    [t, view('v', 't', 'CREATE VIEW a.v AS SELECT 2;')],
    { ...NOTHING, dropped: ['DROP VIEW a.v'], created: ['VIEW v'] },
  ],
  [
    'not wanted, with a view that is not wanted either: the view goes first',
    [t, view('v', 't')],
    [],
    { ...NOTHING, dropped: ['DROP VIEW a.v', dropT] },
  ],
  [
    'rebuilt, with a view that stays the same: that is built again too',
    [table('t', 'b text', 'id integer'), view('v', 't')],
    [table('t', 'id integer', 'b text'), view('v', 't')],
    { ...NOTHING, dropped: ['DROP VIEW a.v', dropT], created: ['TABLE t', 'VIEW v'] },
  ],
  [
    'a function that returns the same is replaced',
    [fn('f', 'integer', 'SELECT 1')],
    [fn('f', 'integer', 'SELECT 2')],
    {
      ...NOTHING,
      altered: [
        [
          'FUNCTION f()',
          'CREATE OR REPLACE FUNCTION a.f() RETURNS integer\n    LANGUAGE sql\n    AS $$SELECT 2$$',
        ],
      ],
    },
  ],
  [
    'one that returns something else is not',
    [fn('f', 'integer', 'SELECT 1')],
    [fn('f', 'bigint', 'SELECT 1')],
    { ...NOTHING, dropped: ['DROP FUNCTION a.f()'], created: ['FUNCTION f()'] },
  ],
  [
    'only the owner differs: it is set, of an index with its table',
    [t, key('t')].map((each) => ({ ...each, owner: 'bob' })),
    [t, key('t')],
    { ...NOTHING, altered: [['TABLE t'], ['CONSTRAINT t t_pkey']] },
  ],
])('%s', (_, live, target, expected) => {
  expect(summaryOf(plan(live, target))).toEqual(expected)
})

test('what depends on a column goes only when that column is disturbed', () => {
  const live = [table('t', 'id integer', 'x text'), view('v', 't'), view('w', 't')]
  const target = [table('t', 'id integer', 'x integer'), view('v', 't'), view('w', 't')]
  const surgery = plan(live, target, {
    columnDependents: [
      { table: 0, columnName: 'id', dependent: 1 },
      { table: 0, columnName: 'x', dependent: 2 },
    ],
  })
  expect(summaryOf(surgery)).toEqual({
    dropped: [
      'DROP VIEW a.w',
      'ALTER TABLE a.t ALTER COLUMN x TYPE integer USING x::text::integer',
    ],
    created: ['VIEW w'],
    altered: [['TABLE t']],
  })
})

test('a table that is not to be altered again is built again, with its key and what refers to that', () => {
  const rest = [table('u', 'id integer'), key('t'), foreignKey('u', 't')]
  const live = [table('t', 'id integer', 'extra text'), ...rest]
  const target = [t, ...rest]
  const surgery = plan(live, target, { notAltered: new Set(['TABLE a.t']) })
  expect(summaryOf(surgery)).toEqual({
    dropped: [
      'ALTER TABLE ONLY a.u DROP CONSTRAINT u_fkey',
      'ALTER TABLE ONLY a.t DROP CONSTRAINT t_pkey',
      dropT,
    ],
    created: ['TABLE t', 'CONSTRAINT t t_pkey', 'FK CONSTRAINT u u_fkey'],
    altered: [],
  })
  expect([...surgery!.builtTables]).toEqual([tableKey({ namespace: 'a', name: 't' })])
})

const IN_THE_WAY = [t, table('u', 'id integer'), key('t'), foreignKey('u', 't'), trigger('t')]
const keyOf = (name: string) => tableKey({ namespace: 'a', name })

test('while rows are replaced, triggers and foreign keys from either side are away', () => {
  for (const need of ['delta', 'reload'] as const) {
    const surgery = plan(IN_THE_WAY, IN_THE_WAY, { rowNeeds: new Map([[keyOf('t'), need]]) })
    expect(summaryOf(surgery)).toEqual({
      dropped: ['DROP TRIGGER watched ON a.t', 'ALTER TABLE ONLY a.u DROP CONSTRAINT u_fkey'],
      created: ['FK CONSTRAINT u u_fkey', 'TRIGGER t watched'],
      altered: [],
    })
    expect([...surgery!.rowSteps]).toEqual([[keyOf('t'), need]])
  }
})

test('a large table that is reloaded has its indexes built afterwards, one that gets some rows keeps them', () => {
  const largeTables = new Set([keyOf('t')])
  const reload = plan([t, key('t')], [t, key('t')], {
    largeTables,
    rowNeeds: new Map([[keyOf('t'), 'reload']]),
  })
  expect(summaryOf(reload)?.created).toEqual(['CONSTRAINT t t_pkey'])
  const delta = plan([t, key('t')], [t, key('t')], {
    largeTables,
    rowNeeds: new Map([[keyOf('t'), 'delta']]),
  })
  expect(summaryOf(delta)).toEqual(NOTHING)
})

test('rows of a table that is built again are no step of their own', () => {
  const surgery = plan([table('t', 'b text', 'id integer')], [table('t', 'id integer', 'b text')], {
    rowNeeds: new Map([[keyOf('t'), 'reload']]),
  })
  expect([...surgery!.rowSteps]).toEqual([])
  expect([...surgery!.builtTables]).toEqual([keyOf('t')])
})

const materialized: Sketch = {
  kind: 'MATERIALIZED VIEW',
  name: 'm',
  sql: 'CREATE MATERIALIZED VIEW a.m AS SELECT 1 WITH NO DATA;',
  needs: ['VIEW v'],
}

test('a materialized view is refreshed when rows far beneath it change, and not otherwise', () => {
  const state = [t, table('u', 'id integer'), view('v', 't'), materialized]
  const refreshed = (name: string) =>
    plan(state, state, { rowNeeds: new Map([[keyOf(name), 'reload']]) })!.refreshed.map(nameOf)
  expect(refreshed('t')).toEqual(['MATERIALIZED VIEW m'])
  expect(refreshed('u')).toEqual([])
})

const defaultPrivilege: Sketch = {
  kind: 'DEFAULT ACL',
  name: 'DEFAULT PRIVILEGES FOR TABLES',
  sql: 'ALTER DEFAULT PRIVILEGES FOR ROLE ada IN SCHEMA a GRANT SELECT ON TABLES TO bob;',
}

test('default privileges are away while something is created, and stay while nothing is', () => {
  const creating = plan([defaultPrivilege], [t, defaultPrivilege])!
  expect(creating.resetsDefaultPrivileges).toBe(true)
  expect(creating.created.map(nameOf)).toEqual([
    'TABLE t',
    'DEFAULT ACL DEFAULT PRIVILEGES FOR TABLES',
  ])

  const dropping = plan([t, defaultPrivilege], [defaultPrivilege])!
  expect(dropping.resetsDefaultPrivileges).toBe(false)
  expect(dropping.created).toEqual([])
})

test('privileges that are left out are neither taken back nor granted, whatever the commit says', () => {
  const acl = (grantee: string): Sketch => ({
    kind: 'ACL',
    name: 'TABLE t',
    sql: `GRANT SELECT ON TABLE a.t TO ${grantee};`,
    needs: ['TABLE t'],
  })
  const [live, target] = [
    [t, acl('bob')],
    [t, acl('eve'), defaultPrivilege],
  ]
  expect(summaryOf(plan(live, target, { withPrivileges: false }))).toEqual(NOTHING)
  expect(summaryOf(plan(live, target))?.created).toEqual([
    'ACL TABLE t',
    'DEFAULT ACL DEFAULT PRIVILEGES FOR TABLES',
  ])
})

const eventTrigger: Sketch = {
  kind: 'EVENT TRIGGER',
  name: 'watch',
  sql: 'CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION a.on_ddl();',
  drop: 'DROP EVENT TRIGGER watch;',
}

test('event triggers are away while anything is done, if the role may', () => {
  const dropping = [[t, eventTrigger], [eventTrigger]] as const
  expect(summaryOf(plan([...dropping[0]], [...dropping[1]]))).toEqual({
    dropped: ['DROP EVENT TRIGGER watch', dropT],
    created: ['EVENT TRIGGER watch'],
    altered: [],
  })
  const asOwner = plan([...dropping[0]], [...dropping[1]], { isSuperuser: false })
  expect(summaryOf(asOwner)).toEqual({ ...NOTHING, dropped: [dropT] })
  expect(summaryOf(plan([t, eventTrigger], [t, eventTrigger]))).toEqual(NOTHING)
})

/** A partitioned table with two partitions, whose keys belong to its key. */
function partitioned({ attached = ['p_0', 'p_1'], keyName = '' } = {}): Sketch[] {
  const parent: Sketch = {
    kind: 'TABLE',
    name: 'p',
    sql: 'CREATE TABLE a.p (\n    id integer NOT NULL\n)\nPARTITION BY HASH (id);',
  }
  const parts = ['p_0', 'p_1']
  const keyOfPart = (part: string) =>
    `${part} ${part === 'p_0' && keyName ? keyName : `${part}_pkey`}`
  return [
    parent,
    ...parts.map((name) => table(name, 'id integer NOT NULL')),
    ...attached.map(
      (name): Sketch => ({
        kind: 'TABLE ATTACH',
        name,
        sql: `ALTER TABLE ONLY a.p ATTACH PARTITION a.${name} FOR VALUES WITH (x);`,
        needs: ['TABLE p', `TABLE ${name}`],
      }),
    ),
    key('p'),
    ...parts.map((name): Sketch => ({ ...key(name), name: keyOfPart(name) })),
    ...attached.map(
      (name): Sketch => ({
        kind: 'INDEX ATTACH',
        name: keyOfPart(name).split(' ')[1]!,
        sql: `ALTER INDEX a.p_pkey ATTACH PARTITION a.${name}_pkey;`,
        needs: ['CONSTRAINT p p_pkey', `CONSTRAINT ${keyOfPart(name)}`],
      }),
    ),
  ]
}

test('a partition is attached and detached, its key with it, and nothing else', () => {
  const [one, both] = [partitioned({ attached: ['p_0'] }), partitioned()]
  expect(summaryOf(plan(one, both))).toEqual({
    ...NOTHING,
    created: ['TABLE ATTACH p_1', 'INDEX ATTACH p_1_pkey'],
  })
  expect(summaryOf(plan(both, one))).toEqual({
    ...NOTHING,
    dropped: ['ALTER TABLE ONLY a.p DETACH PARTITION a.p_1'],
  })
})

test('a key of a partition that has another name goes with the key it belongs to, which takes all of them', () => {
  expect(summaryOf(plan(partitioned({ keyName: 'renamed' }), partitioned()))).toEqual({
    dropped: ['ALTER TABLE ONLY a.p DROP CONSTRAINT p_pkey'],
    created: [
      'CONSTRAINT p p_pkey',
      'CONSTRAINT p_0 p_0_pkey',
      'CONSTRAINT p_1 p_1_pkey',
      'INDEX ATTACH p_0_pkey',
      'INDEX ATTACH p_1_pkey',
    ],
    altered: [],
  })
})

test('triggers of the parent act on rows of a partition, so they are away as well', () => {
  const state = [...partitioned(), { ...trigger('p') }]
  const surgery = plan(state, state, { rowNeeds: new Map([[keyOf('p_1'), 'delta']]) })
  expect(summaryOf(surgery)).toEqual({
    dropped: ['DROP TRIGGER watched ON a.p'],
    created: ['TRIGGER p watched'],
    altered: [],
  })
})

test('a check that a parent has by itself may be gone from its partition by the time the partition is altered', () => {
  const withCheck = partitioned().map((each) =>
    each.name === 'p_0' && each.kind === 'TABLE'
      ? table('p_0', 'id integer NOT NULL', 'CONSTRAINT positive CHECK ((id > 0))')
      : each,
  )
  const check: Sketch = {
    kind: 'CHECK CONSTRAINT',
    name: 'p positive',
    sql: 'ALTER TABLE a.p ADD CONSTRAINT positive CHECK ((id > 0)) NOT VALID;',
    needs: ['TABLE p'],
  }
  expect(summaryOf(plan([...withCheck, check], partitioned()))?.dropped).toEqual([
    'ALTER TABLE ONLY a.p DROP CONSTRAINT positive',
    'ALTER TABLE a.p_0 DROP CONSTRAINT IF EXISTS positive',
  ])
})

test.each<[string, Sketch]>([
  [
    'a subscription, whose slot cannot be brought back',
    { kind: 'SUBSCRIPTION', name: 's', sql: 'CREATE SUBSCRIPTION s;' },
  ],
  ['a shell type', { kind: 'SHELL TYPE', name: 'y', sql: 'CREATE TYPE a.y;' }],
  [
    'rights on a member of an extension, whose object the dump does not have',
    { kind: 'ACL', name: 'FUNCTION akeys()', sql: 'REVOKE ALL ON FUNCTION a.akeys() FROM PUBLIC;' },
  ],
])('%s, is left to the general form when it differs, and only then', (_, entry) => {
  expect(plan([], [entry])).toBeUndefined()
  expect(plan([entry], [])).toBeUndefined()
  expect(summaryOf(plan([entry, t], [entry]))).toEqual({ ...NOTHING, dropped: [dropT] })
})

import { expect, test } from 'vitest'
import type { SchemaEntry } from '../../../src/format/values.ts'
import { planDrops } from '../../../src/restore/plan-drops.ts'

function entry(kind: string, name: string, more: Partial<SchemaEntry> = {}): SchemaEntry {
  return {
    kind,
    name,
    namespace: kind === 'SCHEMA' || kind === 'EXTENSION' ? null : 'public',
    owner: 'ann',
    section: 'preData',
    definition: `CREATE ${kind} ${name};`,
    dropStatement: `DROP ${kind} public.${name};`,
    tableAccessMethod: null,
    tablespace: null,
    ...more,
  }
}

const sqlOf = (live: SchemaEntry[], target: SchemaEntry[] = []) =>
  planDrops(live, target).statements.map(({ sql }) => sql)

test('dependents are dropped first, and what belongs to a table goes with it', () => {
  const live = [
    entry('TYPE', 'mood'),
    entry('TABLE', 'users'),
    entry('INDEX', 'users_name', { section: 'postData' }),
    entry('ACL', 'TABLE users', { dropStatement: null }),
  ]
  expect(sqlOf(live)).toEqual([
    'DROP TABLE IF EXISTS public.users CASCADE',
    'DROP TYPE IF EXISTS public.mood CASCADE',
  ])
})

test.each([
  [
    'FK CONSTRAINT',
    'ALTER TABLE ONLY public.a DROP CONSTRAINT b;',
    'ALTER TABLE IF EXISTS ONLY public.a DROP CONSTRAINT IF EXISTS b',
  ],
  ['SHELL TYPE', 'DROP TYPE public.t;', 'DROP TYPE IF EXISTS public.t CASCADE'],
  ['TYPE', 'DROP TYPE public.t CASCADE;', 'DROP TYPE IF EXISTS public.t CASCADE'],
  [
    'USER MAPPING',
    'DROP USER MAPPING FOR ann SERVER s;',
    'DROP USER MAPPING IF EXISTS FOR ann SERVER s',
  ],
  ['CAST', 'DROP CAST (text AS public.t);', 'DROP CAST IF EXISTS (text AS public.t) CASCADE'],
  [
    'RULE',
    'CREATE OR REPLACE VIEW public.v AS\nSELECT\n    NULL::int AS a;',
    'CREATE OR REPLACE VIEW public.v AS\nSELECT\n    NULL::int AS a',
  ],
])(
  'the drop statement of a %s is made to survive what was dropped before it',
  (kind, dropStatement, sql) => {
    expect(sqlOf([entry(kind, 'x', { dropStatement })])).toEqual([sql])
  },
)

test('a schema that the target has stays, its comment goes and its privileges are reset, however its name is quoted', () => {
  const schema = entry('SCHEMA', 'Two "Words"')
  const tag = 'SCHEMA "Two ""Words"""'
  const live = [
    schema,
    entry('COMMENT', tag, { dropStatement: null, definition: `COMMENT ON ${tag} IS 'it''s';` }),
    entry('ACL', tag, { dropStatement: null }),
  ]
  const plan = planDrops(live, [schema])
  expect(plan.statements.map(({ sql }) => sql)).toEqual([`COMMENT ON ${tag} IS NULL`])
  expect(plan.schemasToReset).toEqual(['Two "Words"'])
  expect([...plan.kept]).toEqual([schema])
})

test('the comment of schema public goes back to what initdb says', () => {
  const comment = entry('COMMENT', 'SCHEMA public', {
    dropStatement: null,
    definition: `COMMENT ON SCHEMA public IS 'mine';`,
  })
  expect(sqlOf([entry('SCHEMA', 'public'), comment], [entry('SCHEMA', 'public')])).toEqual([
    `COMMENT ON SCHEMA public IS 'standard public schema'`,
  ])
})

test('an extension stays only when it is the same and so are the privileges on its members', () => {
  const extension = entry('EXTENSION', 'hstore', { dropStatement: 'DROP EXTENSION hstore;' })
  const member = entry('ACL', 'FUNCTION akeys(hstore)', {
    dropStatement: null,
    definition: 'REVOKE ALL …;',
  })
  const other = { ...extension, definition: 'CREATE EXTENSION hstore WITH SCHEMA other;' }

  expect(sqlOf([extension], [extension])).toEqual([])
  expect(sqlOf([extension], [other])).toEqual(['DROP EXTENSION IF EXISTS hstore CASCADE'])
  expect(sqlOf([extension, member], [extension])).toEqual([
    'DROP EXTENSION IF EXISTS hstore CASCADE',
  ])
})

import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import type { SchemaEntry } from '../../../src/format/values.ts'
import { findKeyColumns } from '../../../src/schema/find-key-columns.ts'

const entry = (kind: string, name: string, definition: string): SchemaEntry => ({
  kind,
  namespace: 'public',
  name,
  owner: 'ada',
  section: kind === 'TABLE' ? 'preData' : 'postData',
  definition,
  dropStatement: null,
  tableAccessMethod: null,
  tablespace: null,
})

const table = entry(
  'TABLE',
  't',
  `CREATE TABLE public.t (
    id integer,
    "E, mail" text NOT NULL,
    tenant integer DEFAULT 7 CONSTRAINT tenant_given NOT NULL,
    code character varying(3) DEFAULT ' NOT NULL'::text,
    CONSTRAINT some CHECK ((code IS NOT NULL))
);`,
)
const constraint = (text: string) =>
  entry('CONSTRAINT', 't c', `ALTER TABLE ONLY public.t\n    ADD CONSTRAINT c ${text};`)
const index = (text: string) => entry('INDEX', 'i', `CREATE UNIQUE INDEX i ON ${text};`)
const columns = ['id', 'E, mail', 'tenant', 'code']
const keyOf = (...entries: SchemaEntry[]) =>
  findKeyColumns([table, ...entries], { namespace: 'public', name: 't', columns })

test.each([
  ['PRIMARY KEY (id)', ['id']],
  ['PRIMARY KEY (tenant, id) INCLUDE (code)', ['tenant', 'id']],
  ['UNIQUE ("E, mail")', ['E, mail']],
  ['UNIQUE NULLS NOT DISTINCT (tenant)', ['tenant']],
  ['UNIQUE (tenant, "E, mail") DEFERRABLE INITIALLY DEFERRED', ['tenant', 'E, mail']],
  ['PRIMARY KEY (id, code WITHOUT OVERLAPS)', undefined],
  ['UNIQUE (code)', undefined],
  ['UNIQUE (id)', undefined],
  ['CHECK ((id > 0))', undefined],
  ['PRIMARY KEY (generated)', undefined],
])('a constraint %s gives %j', (text, expected) => {
  deepEqual(keyOf(constraint(text)), expected)
})

test.each([
  ['public.t USING btree (tenant)', ['tenant']],
  ['ONLY public.t USING btree ("E, mail" text_pattern_ops DESC, tenant)', ['E, mail', 'tenant']],
  ['public.t USING btree (tenant) INCLUDE (code)', ['tenant']],
  ['public.t USING btree (tenant) WHERE (id > 0)', undefined],
  [`public.t USING btree (lower("E, mail"))`, undefined],
  ['public.t USING btree (((tenant + 1)))', undefined],
  ['public.t USING btree (id)', undefined],
  ['public.other USING btree (tenant)', undefined],
])('a unique index on %s gives %j', (text, expected) => {
  deepEqual(keyOf(index(text)), expected)
})

test('the primary key comes before what is narrower, and the narrower unique one before the wider', () => {
  const wide = constraint('UNIQUE (tenant, "E, mail")')
  const narrow = index('public.t USING btree ("E, mail")')
  deepEqual(keyOf(wide, narrow), ['E, mail'])
  deepEqual(keyOf(wide, narrow, constraint('PRIMARY KEY (id, tenant)')), ['id', 'tenant'])
})

test('a column that PostgreSQL 18 makes not null in an inheriting table counts', () => {
  const child = entry(
    'TABLE',
    't',
    'CREATE TABLE public.t (\n    CONSTRAINT n NOT NULL id\n)\nINHERITS (public.parent);',
  )
  const key = findKeyColumns([child, constraint('UNIQUE (id)')], {
    namespace: 'public',
    name: 't',
    columns,
  })
  deepEqual(key, ['id'])
})

test('a table whose name begins like another is not taken for it', () => {
  const other = entry(
    'CONSTRAINT',
    't x c',
    'ALTER TABLE ONLY public."t x"\n    ADD CONSTRAINT c PRIMARY KEY (id);',
  )
  deepEqual(keyOf(other), undefined)
})

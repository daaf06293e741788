import { expect, test } from 'vitest'
import { toSchemaEntries } from '../../../src/schema/schema-entries.ts'
import type { TocEntry } from '../../../src/schema/toc.ts'

function toc(entry: Partial<TocEntry>): TocEntry {
  return {
    dumpId: 1,
    classOid: 1259,
    oid: 16384,
    kind: 'TABLE',
    tag: 't',
    namespace: 'public',
    owner: 'ann',
    tableAccessMethod: null,
    tablespace: null,
    relationKind: null,
    section: 'preData',
    definition: null,
    dropStatement: null,
    dependencies: [],
    ...entry,
  }
}

const definitionOf = (entry: Partial<TocEntry>, ...others: Partial<TocEntry>[]) =>
  toSchemaEntries([toc(entry), ...others.map(toc)]).entries[0]?.definition

test('what tells how to read the dump, and what belongs to the database, is kept apart', () => {
  const { entries, databaseEntries } = toSchemaEntries(
    [
      { kind: 'ENCODING', tag: 'ENCODING' },
      { kind: 'STDSTRINGS', tag: 'STDSTRINGS' },
      { kind: 'SEARCHPATH', tag: 'SEARCHPATH' },
      { kind: 'DATABASE', tag: 'shop' },
      { kind: 'DATABASE PROPERTIES', tag: 'shop' },
      { kind: 'COMMENT', tag: 'DATABASE shop' },
      { kind: 'ACL', tag: 'DATABASE shop' },
      { kind: 'COMMENT', tag: 'TABLE "DATABASE x"' },
      { kind: 'TABLE', tag: 'DATABASE x' },
    ].map(toc),
  )
  expect(entries.map(({ kind }) => kind)).toEqual(['COMMENT', 'TABLE'])
  expect(databaseEntries.map(({ kind }) => kind)).toEqual([
    'DATABASE',
    'DATABASE PROPERTIES',
    'COMMENT',
    'ACL',
  ])
})

test('dependencies become positions, without those on what is not kept', () => {
  const { facts } = toSchemaEntries([
    toc({ dumpId: 1, kind: 'ENCODING' }),
    toc({ dumpId: 40, kind: 'SCHEMA', classOid: 2615, oid: 7 }),
    toc({ dumpId: 20, oid: 8, dependencies: [40, 1, 999] }),
    toc({ dumpId: 30, oid: 9, dependencies: [20, 40, 20] }),
  ])
  expect(facts).toEqual([
    { entry: 0, classOid: 2615, oid: 7, dependsOn: [] },
    { entry: 1, classOid: 1259, oid: 8, dependsOn: [0] },
    { entry: 2, classOid: 1259, oid: 9, dependsOn: [0, 1] },
  ])
})

const identity = (table: string, limits: string) => ({
  kind: 'SEQUENCE',
  definition: `ALTER TABLE public.${table} ALTER COLUMN "the id" ADD GENERATED ALWAYS AS IDENTITY (\n    SEQUENCE NAME public.s\n    START WITH 1\n    INCREMENT BY 1\n${limits}    CACHE 1\n);`,
})
const tableWith = (name: string, type: string) => ({
  dumpId: 2,
  definition: `CREATE TABLE public.${name} (\n    other numeric(1,2),\n    "the id" ${type} NOT NULL\n);`,
})

test("an identity sequence's limit that its column's type implies is not written out", () => {
  const explicit = '    NO MINVALUE\n    MAXVALUE 2147483647\n'
  const implied = '    NO MINVALUE\n    NO MAXVALUE\n'
  expect(definitionOf(identity('t', explicit), tableWith('t', 'integer'))).toBe(
    identity('t', implied).definition,
  )
  expect(definitionOf(identity('t', explicit), tableWith('t', 'bigint'))).toBe(
    identity('t', explicit).definition,
  )
  expect(definitionOf(identity('t', explicit), tableWith('other', 'integer'))).toBe(
    identity('t', explicit).definition,
  )
})

test("a partitioned table's access method becomes a statement of its own", () => {
  const partitioned = {
    relationKind: 'p',
    definition: 'CREATE TABLE public.t (\n)\nPARTITION BY LIST (a);\n',
    dropStatement: 'DROP TABLE public.t;\n',
    tableAccessMethod: 'columnar',
  }
  const [entry] = toSchemaEntries([toc(partitioned)]).entries
  expect([entry?.definition, entry?.tableAccessMethod]).toEqual([
    'CREATE TABLE public.t (\n)\nPARTITION BY LIST (a);\nALTER TABLE public.t SET ACCESS METHOD "columnar";',
    null,
  ])
})

test('a comment that says why there is no statement is no statement', () => {
  const [entry] = toSchemaEntries([
    toc({
      kind: 'SCHEMA',
      tag: 'public',
      definition: '-- *not* creating schema, since initdb creates it\n\n',
      dropStatement: '-- *not* dropping schema, since initdb creates it\n',
    }),
  ]).entries
  expect([entry?.definition, entry?.dropStatement]).toEqual([null, null])
})

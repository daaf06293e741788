import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { type MeasuredState, measureTables } from '../../../src/alarms/table-measures.ts'
import type { TableDiff } from '../../../src/diff/diff-states.ts'
import { objectIdOf } from '../../../src/format/object-id.ts'
import type { SchemaEntry, TableEntry } from '../../../src/format/values.ts'

function tableEntry(name: string, columns: string[], rowCount: number | null): TableEntry {
  const rootId = objectIdOf(Buffer.from(name))
  const rows = rowCount === null ? null : { rootId, sizeBytes: 1, rowCount, chunkCount: 1 }
  return { namespace: 'public', name, columns, extension: null, rows }
}

function schemaEntry(kind: string, name: string, definition: string): SchemaEntry {
  return {
    kind,
    namespace: 'public',
    name,
    owner: 'ada',
    section: 'preData',
    definition,
    dropStatement: null,
    tableAccessMethod: null,
    tablespace: null,
  }
}

function tableDiff(name: string, change: TableDiff['change'], rows: TableDiff['rows']): TableDiff {
  const columns = { common: ['id'], onlyBefore: [], onlyAfter: [] }
  const counts = { renamed: null, rowCountBefore: null, rowCountAfter: null }
  return { namespace: 'public', name, change, ...counts, columns, keyColumns: ['id'], rows }
}

const measured = (before: MeasuredState, after: MeasuredState, tables: TableDiff[]) =>
  measureTables(before, after, { tables }).map(
    ({ name, existsAfter, rows, columnsBefore, columnsAfter }) => ({
      name,
      existsAfter,
      rows,
      columns: [columnsBefore, columnsAfter],
    }),
  )

test('tables that did not change are measured too, and generated columns are columns', () => {
  const definition =
    'CREATE TABLE public.t (\n    id integer NOT NULL,\n    "a b" text GENERATED ALWAYS AS (lower(x)) STORED,\n    CONSTRAINT c CHECK ((id > 0))\n);'
  const state = {
    tree: { tables: [tableEntry('t', ['id'], 3)] },
    schema: [schemaEntry('TABLE', 't', definition)],
  }
  deepEqual(measured(state, state, []), [
    {
      name: 't',
      existsAfter: true,
      rows: { countBefore: 3, countAfter: 3, inserted: 0, deleted: 0, updated: 0 },
      columns: [
        ['id', 'a b'],
        ['id', 'a b'],
      ],
    },
  ])
})

test('a table that is gone has no rows and no columns after', () => {
  const before = { tree: { tables: [tableEntry('t', ['id'], 3)] }, schema: [] }
  const diff = tableDiff('t', 'removed', { inserted: 0, deleted: 3, updated: 0 })
  deepEqual(measured(before, { tree: { tables: [] }, schema: [] }, [diff]), [
    {
      name: 't',
      existsAfter: false,
      rows: { countBefore: 3, countAfter: 0, inserted: 0, deleted: 3, updated: 0 },
      columns: [['id'], []],
    },
  ])
})

test('a table that was renamed says to what', () => {
  const [before, after] = ['t', 'u'].map((name) => ({
    tree: { tables: [tableEntry(name, ['id'], 3)] },
    schema: [],
  }))
  const renamed = (name: string) => ({ namespace: 'public', name })
  const tables = [
    {
      ...tableDiff('t', 'removed', { inserted: 0, deleted: 3, updated: 0 }),
      renamed: renamed('u'),
    },
    { ...tableDiff('u', 'added', { inserted: 3, deleted: 0, updated: 0 }), renamed: renamed('t') },
  ]
  deepEqual(
    measureTables(before!, after!, { tables }).map(({ name, renamedTo }) => [name, renamedTo]),
    [
      ['t', renamed('u')],
      ['u', null],
    ],
  )
})

test('a partitioned table has the rows of its partitions, of all levels', () => {
  const attach = (parent: string, child: string) =>
    schemaEntry(
      'TABLE ATTACH',
      child,
      `ALTER TABLE ONLY public.${parent} ATTACH PARTITION public.${child} FOR VALUES FROM (1) TO (2);`,
    )
  const parent = (name: string) =>
    schemaEntry(
      'TABLE',
      name,
      `CREATE TABLE public.${name} (\n    id integer\n)\nPARTITION BY RANGE (id);`,
    )
  const schema = [
    parent('p'),
    parent('sub'),
    attach('p', 'a'),
    attach('p', 'sub'),
    attach('sub', 'b'),
  ]
  const before = {
    tree: { tables: [tableEntry('a', ['id'], 10), tableEntry('b', ['id'], 5)] },
    schema,
  }
  const after = {
    tree: { tables: [tableEntry('a', ['id'], 10), tableEntry('b', ['id'], 1)] },
    schema,
  }
  const diff = tableDiff('b', 'changed', { inserted: 0, deleted: 4, updated: 0 })
  const rows = measureTables(before, after, { tables: [diff] }).map(({ name, rows: found }) => [
    name,
    found?.countBefore,
    found?.countAfter,
    found?.deleted,
  ])
  deepEqual(rows, [
    ['a', 10, 10, 0],
    ['b', 5, 1, 4],
    ['p', 15, 11, 4],
    ['sub', 5, 1, 4],
  ])
})

test('rows that one of the states does not hold are not measured', () => {
  const held = { tree: { tables: [tableEntry('t', ['id'], 3)] }, schema: [] }
  const unheld = { tree: { tables: [tableEntry('t', ['id'], null)] }, schema: [] }
  deepEqual(
    measured(held, unheld, []).map(({ rows }) => rows),
    [null],
  )
})

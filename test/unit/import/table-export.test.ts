import { expect, test } from 'vitest'
import { findNamedTable, isTableFile } from '../../../src/import/table-export.ts'

const tables = [
  { namespace: 'public', name: 'users' },
  { namespace: 'sales', name: 'users' },
  { namespace: 'sales', name: 'orders' },
  { namespace: 'old', name: 'orders' },
  { namespace: 'sales', name: 'Items' },
  { namespace: 'sales', name: 'a.b' },
]

test.each([
  ['users', 'public.users'],
  ['Users', 'public.users'],
  ['sales.users', 'sales.users'],
  ['orders', undefined],
  ['OLD.Orders', 'old.orders'],
  ['items', 'sales.Items'],
  ['sales."Items"', 'sales.Items'],
  ['a.b', 'sales.a.b'],
  ['nothing', undefined],
])('%s means %s', (name, expected) => {
  const found = findNamedTable(name, tables)
  expect(found && `${found.namespace}.${found.name}`).toBe(expected)
})

test('a file of rows is told by its name, compressed or not', () => {
  const names = ['a.csv', 'A.TSV', 'a.tab.gz', 'a.jsonl.zst', 'a.b.ndjson.lz4', 'a.json']
  expect(names.filter((name) => !isTableFile(name))).toEqual([])
  expect(['a.sql', 'a.dump.gz', 'csv', 'a.csv.bak', 'toc.dat'].filter(isTableFile)).toEqual([])
})

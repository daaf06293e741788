import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { parseTableArgument } from '../../cli/find-table.ts'
import { matchTables } from '../../cli/table-pattern.ts'

const TABLES = ['public.orders', 'public.order_lines', 'sales.orders', 'sales.a+b', 'odd.one.x']

test.each([
  [[], TABLES],
  [['orders'], ['public.orders', 'sales.orders']],
  [['sales.*'], ['sales.orders', 'sales.a+b']],
  [['order*'], ['public.orders', 'public.order_lines', 'sales.orders']],
  [['?.x', 'a+b'], ['sales.a+b']],
  [['odd.one.x'], ['odd.one.x']],
])('--table %j', (patterns, expected) => {
  const isWanted = matchTables(patterns)
  const toTable = (text: string) => {
    const dot = text.lastIndexOf('.')
    return { namespace: text.slice(0, dot), name: text.slice(dot + 1) }
  }
  deepEqual(
    TABLES.filter((table) => isWanted(toTable(table))),
    expected,
  )
})

test.each([
  ['HEAD:orders', { revision: 'HEAD', namespace: undefined, name: 'orders' }],
  ['main@{1}:sales.orders', { revision: 'main@{1}', namespace: 'sales', name: 'orders' }],
  [
    'main@{2026-01-31 10:30}:a.b',
    { revision: 'main@{2026-01-31 10:30}', namespace: 'a', name: 'b' },
  ],
  ['v1:"a.b"."c:""d"', { revision: 'v1', namespace: 'a.b', name: 'c:"d' }],
])('%s is a table of a commit', (text, expected) => {
  deepEqual(parseTableArgument(text), expected)
})

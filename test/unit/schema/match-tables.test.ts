import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { matchTables } from '../../../src/schema/match-tables.ts'

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

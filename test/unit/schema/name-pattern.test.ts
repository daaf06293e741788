import { deepEqual, throws } from 'node:assert/strict'
import { test } from 'vitest'
import { matchNames, parseNamePattern } from '../../../src/schema/name-pattern.ts'

const TABLES = [
  { namespace: 'public', name: 'orders' },
  { namespace: 'public', name: 'order_lines' },
  { namespace: 'public', name: 'Mixed Case' },
  { namespace: 'sales', name: 'orders' },
  { namespace: 'sales', name: 'a.b' },
  { namespace: 'hidden', name: 'secrets' },
]

function meant(pattern: string, searchPath = ['sales', 'public']): string[] {
  const found = matchNames(parseNamePattern(pattern), TABLES, searchPath)
  return found.map(({ namespace, name }) => `${namespace}.${name}`)
}

test.each([
  ['orders', ['sales.orders']],
  ['ORDERS', ['sales.orders']],
  ['public.orders', ['public.orders']],
  ['*.orders', ['public.orders', 'sales.orders']],
  ['order*', ['public.order_lines', 'sales.orders']],
  ['order?', ['sales.orders']],
  ['Mixed Case', []],
  ['"Mixed Case"', ['public.Mixed Case']],
  ['"Mixed"*', ['public.Mixed Case']],
  ['sales."a.b"', ['sales.a.b']],
  ['"order*"', []],
  ['order(s|_lines)', ['public.order_lines', 'sales.orders']],
  ['secrets', []],
  ['hidden.*', ['hidden.secrets']],
])('%s means %j', (pattern, names) => {
  deepEqual(meant(pattern), names)
})

test.each(['a.b.c', '"open', '('])('%s is refused', (pattern) => {
  throws(() => parseNamePattern(pattern), { code: 'USAGE' })
})

test('without a search path a bare name means nothing', () => {
  deepEqual(meant('orders', []), [])
})

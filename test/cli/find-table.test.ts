import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { parseTableArgument } from '../../cli/find-table.ts'

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

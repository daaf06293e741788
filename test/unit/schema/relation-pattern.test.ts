import { deepEqual, throws } from 'node:assert/strict'
import { test } from 'vitest'
import { isSnapError } from '../../../src/errors.ts'
import { chooseRelations, type RelationName } from '../../../src/schema/relation-pattern.ts'

const TABLES: RelationName[] = [
  { namespace: 'public', name: 'orders' },
  { namespace: 'public', name: 'order_lines' },
  { namespace: 'public', name: 'Orders' },
  { namespace: 'public', name: 'log_2024' },
  { namespace: 'public', name: 'log_old' },
  { namespace: 'public', name: 'a$b' },
  { namespace: 'sales', name: 'orders' },
  { namespace: 'sales', name: 'a.b' },
  { namespace: 'odd.one', name: 'say "hi"*' },
]

const chosen = (...patterns: string[]) => {
  const isMeant = chooseRelations(patterns, TABLES)
  return TABLES.filter(isMeant).map(({ namespace, name }) => `${namespace}|${name}`)
}

test.each([
  [[], TABLES.map(({ namespace, name }) => `${namespace}|${name}`)],
  [['orders'], ['public|orders', 'sales|orders']],
  [['ORDERS'], ['public|orders', 'sales|orders']],
  [['"Orders"'], ['public|Orders']],
  [['sales.*'], ['sales|orders', 'sales|a.b']],
  [['public.order*'], ['public|orders', 'public|order_lines']],
  [['order?'], ['public|orders', 'sales|orders']],
  [['log_[0-9]+'], ['public|log_2024']],
  [['log_(old|2024)'], ['public|log_2024', 'public|log_old']],
  [['a$b'], ['public|a$b']],
  [['"a.b"'], ['sales|a.b']],
  [['sales."a.b"'], ['sales|a.b']],
  [['"odd.one"."say ""hi""*"'], ['odd.one|say "hi"*']],
  [
    ['s?les.orders', '"Orders"'],
    ['public|Orders', 'sales|orders'],
  ],
])('%j chooses %j', (patterns, expected) => {
  deepEqual(chosen(...patterns), expected)
})

test.each([
  [['ordres'], ['orders', 'Orders']],
  [['sales.ordrs', 'orders'], ['sales.orders']],
  [['"log"'], ['log_old', 'log_2024', 'public.log_old', 'public.log_2024']],
  [['nothing'], []],
])('%j means nothing, and names what is near', (patterns, candidates) => {
  throws(
    () => chosen(...patterns),
    (error) => {
      if (!isSnapError(error, 'PATTERN_UNMATCHED')) return false
      deepEqual(error.data, { patterns: [patterns[0]], candidates })
      return true
    },
  )
})

test.each(['"orders', 'a.b.c', 'log_[', 'a(b'])('%s cannot be read', (pattern) => {
  throws(
    () => chosen(pattern),
    (error) => isSnapError(error, 'USAGE'),
  )
})

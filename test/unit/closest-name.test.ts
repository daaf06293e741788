import { equal } from 'node:assert/strict'
import { test } from 'vitest'
import { findClosestName } from '../../src/closest-name.ts'

test.each([
  ['maxLossPercents', 'maxLossPercent'],
  ['maylosecolumns', 'mayLoseColumns'],
  ['myaGo', 'mayGo'],
  ['rule', 'rules'],
  ['webhook', undefined],
  ['', undefined],
])('%s', (name, expected) => {
  const names = ['rules', 'maxLossPercent', 'mayGo', 'mayLoseColumns']
  equal(findClosestName(name, names), expected)
})

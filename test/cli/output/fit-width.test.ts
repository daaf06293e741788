import { deepEqual, equal } from 'node:assert/strict'
import stringWidth from 'string-width'
import { test } from 'vitest'
import { cutToWidth, fitWidth, wrapToWidth } from '../../../cli/output/fit-width.ts'

test.each([
  'plain text',
  '商店の注文テーブル',
  '🛒👩‍👩‍👧‍👦🇩🇪 cart',
  'e\u0301e\u0301e\u0301e\u0301e\u0301',
  '',
])('%j is as wide as it was told to be, at any width', (text) => {
  for (let width = 0; width < 24; width++) {
    equal(stringWidth(fitWidth(text, width)), width)
    equal(stringWidth(fitWidth(text, width, 'right')), width)
  }
})

test('what is cut ends with an ellipsis, and no character in half', () => {
  deepEqual([cutToWidth('商店の注文', 6), cutToWidth('orders', 6)], ['商店…', 'orders'])
})

test('a long line breaks at spaces, a long word anywhere', () => {
  deepEqual(wrapToWidth('  rows of public.orders as they are', 20), [
    '  rows of',
    '    public.orders as',
    '    they are',
  ])
  deepEqual(wrapToWidth('x'.repeat(7), 5), ['xxxxx', '  xx'])
  for (const line of wrapToWidth('商店の注文テーブルと顧客', 7)) equal(stringWidth(line) <= 7, true)
})

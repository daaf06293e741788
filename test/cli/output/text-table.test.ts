import { deepEqual, ok } from 'node:assert/strict'
import fc from 'fast-check'
import stringWidth from 'string-width'
import { test } from 'vitest'
import { createColors } from '../../../cli/output/colors.ts'
import { formatTable } from '../../../cli/output/text-table.ts'

test('columns line up, also under wide, combining and coloured text', () => {
  const { red } = createColors(true)
  const lines = formatTable(
    [{ header: 'name' }, { header: 'rows', align: 'right' }],
    [
      ['users', '1,234'],
      ['日本', '5'],
      ['e\u0301te', red('10')],
    ],
  )
  deepEqual(lines, ['name    rows', 'users  1,234', '日本       5', `e\u0301te       ${red('10')}`])
})

test('without headers there is no header line, and no line ends in spaces', () => {
  deepEqual(
    formatTable(
      [{}, {}],
      [
        ['a', ''],
        ['bbb', 'c'],
      ],
    ),
    ['a', 'bbb  c'],
  )
})

const NARROW = [
  { header: 'name', shrinksTo: 6 },
  { header: 'n', align: 'right' },
  { shrinksTo: 4 },
] as const

test('where a terminal is too narrow, the widest cells that may are cut, down to what they say', () => {
  const rows = [['a very long name', '1,234,567', 'what is known of it']]
  const at = (columns: number) => formatTable(NARROW, rows, { columns })[1]
  deepEqual([60, 40, 20, 10].map(at), [
    'a very long name  1,234,567  what is known of it',
    'a very long …  1,234,567  what is known…',
    'a ver…  1,234,567  wha…',
    'a ver…  1,234,567  wha…',
  ])
})

test('no line is wider than the terminal while its cells can shrink, whatever is in them', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 30 })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(text, text), { minLength: 1 }),
      fc.integer({ min: 12 }),
      (rows, columns) => {
        const table = formatTable([{ shrinksTo: 5 }, { shrinksTo: 5 }], rows, { columns })
        for (const line of table) ok(stringWidth(line) <= columns, JSON.stringify(line))
      },
    ),
  )
})

test('cut cells switch their colours off', () => {
  const { red } = createColors(true)
  deepEqual(formatTable([{ shrinksTo: 4 }, {}], [[red('abcdefgh'), 'x']], { columns: 8 }), [
    `${red('abcd…')}  x`,
  ])
})

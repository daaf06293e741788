import { deepEqual } from 'node:assert/strict'
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

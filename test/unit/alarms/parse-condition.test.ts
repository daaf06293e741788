import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { formatCondition } from '../../../src/alarms/condition.ts'
import { parseCondition } from '../../../src/alarms/parse-condition.ts'
import { isSnapError } from '../../../src/errors.ts'

test('a comparison is an operator between two amounts', () => {
  deepEqual(parseCondition('users.rows < before * 0.9'), {
    kind: 'comparison',
    operator: '<',
    left: { kind: 'measure', table: { namespace: null, name: 'users' }, measure: 'rows' },
    right: {
      kind: 'arithmetic',
      operator: '*',
      left: { kind: 'before' },
      right: { kind: 'number', value: 0.9 },
    },
  })
})

describe('a condition is printed with no more parentheses than it needs', () => {
  test.each([
    ['users.rows<before', 'users.rows < before'],
    ['ANY.rows = 0', 'any.rows = 0'],
    ['"any".rows <> 0', '"any".rows != 0'],
    ['sales.orders.deleted > before*10%', 'sales.orders.deleted > before * 10%'],
    ['a.rows > 1 or b.rows > 1 and c.rows > 1', 'a.rows > 1 or b.rows > 1 and c.rows > 1'],
    ['(a.rows > 1 or b.rows > 1) and c.rows > 1', '(a.rows > 1 or b.rows > 1) and c.rows > 1'],
    ['not (a.rows > 1)', 'not a.rows > 1'],
    ['not (a.rows > 1 and b.rows > 1)', 'not (a.rows > 1 and b.rows > 1)'],
    ['(a.rows + 1) * 2 > 3 - (2 - 1)', '(a.rows + 1) * 2 > 3 - (2 - 1)'],
    ['((a.rows)) > (((1)))', 'a.rows > 1'],
    ['rows.rows > 1', 'rows.rows > 1'],
    ['"a.b"."c""d".columns < before', '"a.b"."c""d".columns < before'],
  ])('%s', (typed, printed) => {
    equal(formatCondition(parseCondition(typed)), printed)
  })
})

describe('what is no condition is refused where it stops being one', () => {
  test.each([
    ['', 0, "expected a table's measure ('users.rows'), 'before' or a number, found the end"],
    ['users', 5, 'expected one of .rows, .inserted, .deleted, .updated, .columns after the table'],
    [
      'users.rowz > 1',
      6,
      'expected one of .rows, .inserted, .deleted, .updated, .columns after the table',
    ],
    ['users.rows', 0, 'expected a comparison here, found an amount alone'],
    [
      'users.rows <',
      12,
      "expected a table's measure ('users.rows'), 'before' or a number, found the end",
    ],
    ['users.rows < 1 < 2', 0, 'expected an amount here, found a condition'],
    ['users.rows < 1 2', 15, "did not expect '2' here"],
    ['(users.rows < 1', 15, "expected ')', found the end"],
    ['users.rows < 1 & orders.rows < 1', 15, "did not expect '&' here"],
    ['users.rows < 10%', 13, "a percentage of what? write 'before * 10%'"],
    ['users.rows < before - 10%', 22, "a percentage of what? write 'before * 10%'"],
    ['1 < before', 0, "expected a table's measure ('users.rows') on one side"],
    [
      'a.rows + b.rows < before',
      0,
      "'before' is of the table it is compared with, and this comparison has more than one",
    ],
    ['a.b.c.rows < 1', 4, 'a table has at most a schema before its name'],
    ['a.rows < 1 and b.rows', 15, 'expected a comparison here, found an amount alone'],
    [
      'a.rows > 1 and',
      14,
      "expected a table's measure ('users.rows'), 'before' or a number, found the end",
    ],
    ['"open.rows > 1', 0, "did not expect '\"' here"],
  ])('%s', (typed, offset, reason) => {
    try {
      parseCondition(typed)
    } catch (error) {
      if (!isSnapError(error, 'CONDITION_INVALID')) throw error
      deepEqual(error.data, { condition: typed, offset, reason })
      return
    }
    throw new Error('it was parsed')
  })
})

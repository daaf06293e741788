import { deepEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Amount,
  type Condition,
  formatCondition,
  MEASURES,
  type TableReference,
} from '../../src/alarms/condition.ts'
import { parseCondition } from '../../src/alarms/parse-condition.ts'
import { isSnapError } from '../../src/errors.ts'

const name = fc.oneof(
  fc.constantFrom(
    'users',
    'Users',
    'any',
    'before',
    'NOT',
    'rows',
    'a b',
    'x"y',
    '2024',
    'größe',
    '',
  ),
  fc.string({ unit: 'grapheme', maxLength: 5 }),
)
const table: fc.Arbitrary<NonNullable<TableReference>> = fc.record({
  namespace: fc.option(name),
  name,
})
const number = fc.oneof(
  fc.nat(),
  fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(1e-7, 1.25e-9, 1e21, 2 ** 80),
)

/** One table a comparison, so that `before` always has a meaning. */
const amountOn = (reference: TableReference): fc.Arbitrary<Amount> => {
  const measure = fc
    .constantFrom(...MEASURES.filter((each) => each !== 'columns'))
    .map((each): Amount => ({ kind: 'measure', table: reference, measure: each }))
  return fc.letrec<{ amount: Amount }>((tie) => ({
    amount: fc.oneof(
      { maxDepth: 4 },
      measure,
      number.map((value): Amount => ({ kind: 'number', value })),
      fc.constant<Amount>({ kind: 'before' }),
      fc.record({
        kind: fc.constant('arithmetic' as const),
        operator: fc.constantFrom('+' as const, '-' as const, '*' as const, '/' as const),
        left: tie('amount'),
        right: tie('amount'),
      }),
      fc.record({
        kind: fc.constant('arithmetic' as const),
        operator: fc.constant('*' as const),
        left: tie('amount'),
        right: number.map((value): Amount => ({ kind: 'percent', value })),
      }),
    ),
  })).amount
}

const comparison: fc.Arbitrary<Condition> = fc.option(table).chain((reference) =>
  fc.record({
    kind: fc.constant('comparison' as const),
    operator: fc.constantFrom('<', '<=', '>', '>=', '=', '!='),
    left: amountOn(reference).map((amount): Amount => {
      const measure: Amount = { kind: 'measure', table: reference, measure: 'rows' }
      return { kind: 'arithmetic', operator: '+', left: measure, right: amount }
    }),
    right: amountOn(reference),
  }),
)

const condition = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 4 },
    comparison,
    fc.record({ kind: fc.constant('not' as const), operand: tie('condition') }),
    fc.record({
      kind: fc.constantFrom('or' as const, 'and' as const),
      left: tie('condition'),
      right: tie('condition'),
    }),
  ),
})).condition

test('parsing a printed condition gives the condition', () => {
  fc.assert(
    fc.property(condition, (value) => {
      expect(parseCondition(formatCondition(value))).toEqual(value)
    }),
    { numRuns: 500 },
  )
})

test('whatever is typed is parsed, or refused at a place inside it', () => {
  const word = fc.constantFrom(
    ...[
      'users',
      '.',
      'rows',
      'before',
      '<',
      '>=',
      '(',
      ')',
      '%',
      '10',
      '"',
      'and',
      'not',
      'any',
      '*',
      '-',
      'é',
      ' ',
    ],
  )
  const typed = fc.oneof(
    fc.array(word).map((words) => words.join(' ')),
    fc.array(word).map((words) => words.join('')),
    fc.string(),
  )
  fc.assert(
    fc.property(typed, (text) => {
      try {
        parseCondition(text)
      } catch (error) {
        if (!isSnapError(error, 'CONDITION_INVALID')) throw error
        const { offset } = error.data
        deepEqual(offset >= 0 && offset <= text.length, true)
      }
    }),
    { numRuns: 1000 },
  )
})

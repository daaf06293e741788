import { deepEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import type { ObjectId } from '../../../src/format/values.ts'
import { orderHistory } from '../../../src/history/order-history.ts'

type Made = [name: string, createdAt: string, ...parents: string[]]

const entryOf = ([name, createdAt, ...parents]: Made) => ({
  id: name as ObjectId,
  commit: { createdAt },
  ancestorIds: parents as ObjectId[],
})
const order = (...made: Made[]) => orderHistory(made.map(entryOf)).map(({ id }) => id)

describe('commits are ordered', () => {
  test('newest first', () => {
    deepEqual(order(['a', '01'], ['b', '03'], ['c', '02']), ['b', 'c', 'a'])
  })

  test('a child before its parent, also of one moment', () => {
    deepEqual(order(['a', '01'], ['b', '01', 'a'], ['c', '01', 'b']), ['c', 'b', 'a'])
  })

  test('a child before its parent, also when its clock was behind', () => {
    deepEqual(order(['parent', '05'], ['child', '01', 'parent'], ['other', '03']), [
      'other',
      'child',
      'parent',
    ])
  })

  test('by id, where neither time nor history tells', () => {
    deepEqual(order(['b', '01'], ['a', '01'], ['c', '01']), ['a', 'b', 'c'])
  })

  test('a merge before both its parents, and these before what they have in common', () => {
    deepEqual(
      order(
        ['base', '01'],
        ['left', '01', 'base'],
        ['right', '01', 'base'],
        ['m', '01', 'left', 'right'],
      ),
      ['m', 'left', 'right', 'base'],
    )
  })

  test('though an ancestor is not among them, or is named twice', () => {
    deepEqual(order(['a', '01', 'gone'], ['b', '02', 'a', 'a']), ['b', 'a'])
  })
})

test('the order does not depend on the order in which commits were found', () => {
  const anyHistory = fc
    .array(fc.tuple(fc.nat(3), fc.array(fc.nat(20))), { maxLength: 12 })
    .map((commits) =>
      commits.map(([time, parents], i) =>
        entryOf([
          `c${String(i).padStart(2, '0')}`,
          `0${time}`,
          ...parents.filter((parent) => parent < i).map((p) => `c${String(p).padStart(2, '0')}`),
        ]),
      ),
    )
  fc.assert(
    fc.property(
      anyHistory.chain((entries) =>
        fc.tuple(
          fc.constant(entries),
          fc.shuffledSubarray(entries, { minLength: entries.length, maxLength: entries.length }),
        ),
      ),
      ([entries, shuffled]) => {
        const ordered = orderHistory(entries)
        deepEqual(orderHistory(shuffled), ordered)
        const placeOf = new Map(ordered.map(({ id }, place) => [id, place]))
        for (const { id, ancestorIds } of ordered) {
          for (const ancestor of ancestorIds) {
            deepEqual(placeOf.get(id)! < placeOf.get(ancestor)!, true)
          }
        }
      },
    ),
  )
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SchemaEntry } from '../../../src/format/values.ts'
import { compareSchemas, describeDifference } from '../../../src/schema/compare-schemas.ts'

function entry(fields: Partial<SchemaEntry>): SchemaEntry {
  return {
    kind: 'TABLE',
    namespace: 'public',
    name: 't',
    owner: 'ann',
    section: 'preData',
    definition: 'CREATE TABLE t ();',
    dropStatement: 'DROP TABLE t;',
    tableAccessMethod: 'heap',
    tablespace: null,
    ...fields,
  }
}

test('missing, extra and different entries are told, with the fields that differ', () => {
  const same = entry({ name: 'same' })
  const gone = entry({ name: 'gone' })
  const added = entry({ name: 'added' })
  const before = entry({ name: 'changed' })
  const after = entry({ name: 'changed', owner: 'bob', definition: 'CREATE TABLE t (a int);' })
  const differences = compareSchemas([same, gone, before], [added, after, same])
  expect(differences).toEqual([
    { kind: 'missing', expected: gone },
    { kind: 'different', expected: before, found: after, fields: ['owner', 'definition'] },
    { kind: 'extra', found: added },
  ])
  expect(differences.map(describeDifference)).toEqual([
    'TABLE public.gone is missing',
    'TABLE public.changed differs: owner, definition',
    'TABLE public.added should not be there',
  ])
})

test('entries of one name are told apart by what drops them', () => {
  const forIntegers = entry({
    kind: 'OPERATOR',
    name: '+',
    dropStatement: 'DROP OPERATOR + (int);',
  })
  const forText = entry({ kind: 'OPERATOR', name: '+', dropStatement: 'DROP OPERATOR + (text);' })
  expect(compareSchemas([forIntegers, forText], [forText])).toEqual([
    { kind: 'missing', expected: forIntegers },
  ])
  expect(compareSchemas([forIntegers, forText], [forText, forIntegers])).toEqual([])
})

test('default privileges of one name are told apart by whose they are', () => {
  const acl = { kind: 'DEFAULT ACL', name: 'DEFAULT PRIVILEGES FOR TABLES', dropStatement: null }
  const anns = entry({ ...acl, owner: 'ann' })
  const bobs = entry({ ...acl, owner: 'bob' })
  expect(compareSchemas([anns, bobs], [bobs, { ...anns, definition: 'other' }])).toEqual([
    {
      kind: 'different',
      expected: anns,
      found: { ...anns, definition: 'other' },
      fields: ['definition'],
    },
  ])
})

const arbitraryEntry = fc
  .record({
    kind: fc.constantFrom('TABLE', 'OPERATOR', 'ACL'),
    name: fc.constantFrom('a', 'b'),
    owner: fc.constantFrom('ann', null),
    dropStatement: fc.constantFrom('DROP 1;', 'DROP 2;', null),
    definition: fc.constantFrom('x', 'y'),
  })
  .map(entry)

test('a schema differs from itself in nothing', () => {
  fc.assert(
    fc.property(fc.array(arbitraryEntry), (entries) => {
      expect(compareSchemas(entries, entries)).toEqual([])
    }),
  )
})

test('swapping the two sides swaps missing and extra', () => {
  fc.assert(
    fc.property(fc.array(arbitraryEntry), fc.array(arbitraryEntry), (left, right) => {
      const forth = compareSchemas(left, right)
      const back = compareSchemas(right, left)
      const count = (differences: typeof forth, kind: string) =>
        differences.filter((difference) => difference.kind === kind).length
      expect([count(forth, 'missing'), count(forth, 'extra'), count(forth, 'different')]).toEqual([
        count(back, 'extra'),
        count(back, 'missing'),
        count(back, 'different'),
      ])
    }),
  )
})

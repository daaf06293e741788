import { describe, expect, test } from 'vitest'
import { isSameAfterRenames, replaceNames } from '../../../src/schema/renamed-text.ts'

const renames =
  (...pairs: string[]) =>
  (from: string, to: string) =>
    pairs.includes(`${from} → ${to}`)

describe('what a definition says after a rename', () => {
  test.each<[claim: string, before: string, after: string, pairs: string[]]>([
    ['nothing else', 'SELECT a', 'SELECT a', []],
    ['a new name', 'SELECT t.new FROM s.t', 'SELECT t.old FROM s.t', ['new → old']],
    ['a name that needs quotes', 'SELECT "New"', 'SELECT old', ['New → old']],
    ['swapped names', 'SELECT a, b', 'SELECT b, a', ['a → b', 'b → a']],
    [
      'a column of a view as it was called',
      'SELECT t.new AS old,\n t.x FROM t',
      'SELECT t.old,\n t.x FROM t',
      ['new → old'],
    ],
    [
      'a column of a view that was made later',
      'SELECT new FROM t',
      'SELECT old AS new FROM t',
      ['new → old'],
    ],
    [
      'a sequence by its name in a string',
      `nextval('s.new_seq'::regclass)`,
      `nextval('s.old_seq'::regclass)`,
      ['new_seq → old_seq'],
    ],
    [
      'a not-null constraint named after its column again',
      'new text CONSTRAINT t_old_not_null NOT NULL',
      'old text NOT NULL',
      ['new → old'],
    ],
    ['the same white space aside', 'SELECT\n  a', 'SELECT a', []],
  ])('%s', (_, before, after, pairs) => {
    expect(isSameAfterRenames(before, after, renames(...pairs))).toBe(true)
  })

  test.each<[claim: string, before: string, after: string, pairs: string[]]>([
    ['no other name', 'SELECT a', 'SELECT b', ['c → b']],
    ['a rename the other way', 'SELECT a', 'SELECT b', ['b → a']],
    ['words in strings stay', `DEFAULT 'new'`, `DEFAULT 'old'`, ['new → old']],
    ['words in a function body stay', 'AS $$new$$', 'AS $$old$$', ['new → old']],
    ['more is not the same', 'SELECT a', 'SELECT a, b', []],
    ['less is not the same', 'SELECT a, b', 'SELECT a', []],
    ['another column name of a view', 'SELECT a AS x', 'SELECT a', []],
  ])('%s: not the same', (_, before, after, pairs) => {
    expect(isSameAfterRenames(before, after, renames(...pairs))).toBe(false)
  })

  test('absent definitions are the same as each other alone', () => {
    expect(isSameAfterRenames(null, null, renames())).toBe(true)
    expect(isSameAfterRenames(null, 'x', renames())).toBe(false)
  })
})

test('names are replaced by what they stand for in their place', () => {
  const names = {
    qualified: new Map([['s\0new', { namespace: 'r', name: 'Old' }]]),
    namespaces: new Map([['s', 'z']]),
    plain: new Map([
      ['a', 'b'],
      ['b', 'a'],
    ]),
  }
  expect(
    replaceNames(
      `CREATE TABLE s.new (a int, b text DEFAULT 'a', c s.mood); nextval('s.new'::regclass) $$ a $$`,
      names,
    ),
  ).toBe(
    `CREATE TABLE r."Old" (b int, a text DEFAULT 'a', c z.mood); nextval('r."Old"'::regclass) $$ a $$`,
  )
})

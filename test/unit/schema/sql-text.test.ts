import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findParenthesised, splitTopLevel } from '../../../src/schema/sql-text.ts'

test.each([
  ['a, b', ['a', 'b']],
  ['a (b, c), d[1, 2]', ['a (b, c)', 'd[1, 2]']],
  ["x DEFAULT ',' , y", ["x DEFAULT ','", 'y']],
  ["'it''s, one', E'it\\'s, one', two", ["'it''s, one'", "E'it\\'s, one'", 'two']],
  ['"a ""b, c""", d', ['"a ""b, c"""', 'd']],
  ['$$a, b$$, $q$ $$, $q$, c', ['$$a, b$$', '$q$ $$, $q$', 'c']],
  ["CHECK ((a <> '('::text)), b", ["CHECK ((a <> '('::text))", 'b']],
  ['', []],
])('%s is split at its commas only', (text, parts) => {
  expect(splitTopLevel(text, ',')).toEqual(parts)
})

test('parts without the separator are joined and split again into themselves', () => {
  const part = fc.stringMatching(/^[a-z]{1,5}( '([^']|''){0,5}'| \("[^"]{0,3}"\)){0,3}$/)
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      expect(splitTopLevel(parts.join(', '), ',')).toEqual(parts)
    }),
  )
})

test('the parenthesis after a keyword is found, not one inside quotes or other parentheses', () => {
  const text = `CREATE TABLE "WITH (x)" (a text DEFAULT ' WITH (y)') WITH (fillfactor='70')`
  expect(findParenthesised(text, 'WITH')?.content).toBe("fillfactor='70'")
  expect(findParenthesised(text)?.content).toBe("a text DEFAULT ' WITH (y)'")
  expect(findParenthesised('a (b', 'x')).toBeUndefined()
})

import { expect, test } from 'vitest'
import { qualifiedName, quoteIdentifier, quoteLiteral } from '../../../src/postgres/quote.ts'

test('identifiers and literals keep every character', () => {
  expect(quoteIdentifier('a "b" c')).toBe('"a ""b"" c"')
  expect(qualifiedName({ namespace: 'n"', name: 'Select' })).toBe('"n"""."Select"')
  expect(quoteLiteral("it's")).toBe("'it''s'")
  expect(quoteLiteral("C:\\it's")).toBe("E'C:\\\\it''s'")
})

import { equal } from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'vitest'
import { printable, printableLines } from '../../../cli/output/printable.ts'

test('control characters become visible escapes', () => {
  equal(printable('a\u001b[31mb\nc\td\u0000'), 'a\\x1b[31mb\\nc\\td\\x00')
})

test('a right-to-left override cannot disguise a name', () => {
  equal(printable('a\u202egpj.exe'), 'a\\u202egpj.exe')
})

test('text of several lines keeps its line feeds and tabs, and nothing else', () => {
  equal(printableLines('CREATE\n\tTABLE\r\u001b'), 'CREATE\n\tTABLE\\x0d\\x1b')
})

test('no printed text holds a control character, whatever went in', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      equal(/[\u0000-\u001f\u007f-\u009f]/.test(printable(text)), false)
    }),
  )
})

test('ordinary text stays as it is', () => {
  const text = 'Zürich, 東京, "quotes" and \\ backslashes'
  equal(printable(text), text)
})

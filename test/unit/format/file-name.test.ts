import { deepEqual, equal, throws } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { formatFileName, parseFileName } from '../../../src/format/file-name.ts'
import { checkFileEntry } from '../../../src/format/stream-entries.ts'

describe('names of files', () => {
  test('any bytes come back from their text, and no two have the same', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(bytes, (name) => {
        deepEqual(parseFileName(formatFileName(name)), Buffer.from(name))
      }),
    )
  })

  test.each([
    ['c3a9', 'é'],
    ['e9', '\udce9'],
    ['efbfbd', '\ufffd'],
    ['efbfbdff', '\ufffd\udcff'],
    ['f09f9880', '😀'],
    ['eda080', '\udced\udca0\udc80'],
    ['c0af', '\udcc0\udcaf'],
    ['f09f98', '\udcf0\udc9f\udc98'],
  ])('%s is written as it is read by Python', (hex, text) => {
    equal(formatFileName(Buffer.from(hex, 'hex')), text)
    equal(parseFileName(text).toString('hex'), hex)
  })

  test.each([
    ['UTF-8 in disguise', '\udcc3\udca9'],
    ['a byte that needs no escape', '\udc41'],
    ['half of a pair', '\ud83d'],
  ])('%s is refused', (_, text) => {
    throws(() => parseFileName(text), { code: 'OBJECT_CORRUPT' })
  })
})

test.each(['/etc/passwd', '../up', 'a/../../b', 'a//b', 'a/', '.', '', 'a\0b'])(
  'the path %j leads out of its root, or nowhere, and is refused',
  (path) => {
    throws(() => checkFileEntry({ kind: 'symlink', path, target: 'x' }), { code: 'OBJECT_CORRUPT' })
  },
)

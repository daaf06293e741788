import { deepEqual, equal } from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'vitest'
import {
  bytesToRow,
  decodeField,
  encodeField,
  rowToBytes,
  splitFields,
} from '../../src/format/copy-text.ts'

const value = fc.option(
  fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc
      .array(
        fc.constantFrom('\\', 'N', 't', 'n', '\t', '\n', '\r', '\b', '\v', '\f', '0', 'x', 'é'),
      )
      .map((parts) => parts.join('')),
  ),
)

test('decode(encode(x)) = x, and a row of any values keeps its fields', () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 5 }), (values) => {
      const row = values.map(encodeField).join('\t')
      equal(row.includes('\n'), false)
      deepEqual(splitFields(row).map(decodeField), values)
    }),
  )
})

test('row text holds any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      deepEqual(new Uint8Array(rowToBytes(bytesToRow(bytes))), new Uint8Array([...bytes, 0x0a]))
    }),
  )
})

test('what COPY reads besides what it writes is understood', () => {
  equal(decodeField(String.raw`\101\x42\q\.`), 'ABq.')
})

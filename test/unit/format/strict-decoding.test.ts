import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { decodeCanonicalJson, encodeCanonicalJson } from '../../../src/format/canonical-json.ts'
import { decodeJsonLines } from '../../../src/format/json-lines.ts'
import { decodeManifestNode, encodeManifestNode } from '../../../src/format/manifest-node.ts'
import { objectIdOf } from '../../../src/format/object-id.ts'
import { encodeEntryHead } from '../../../src/format/pack-entry.ts'
import { decodeObject } from '../../../src/objects/decode-object.ts'

describe('canonical JSON', () => {
  test.each([
    ['{"a":1,"b":[true,null,"x"]}', { a: 1, b: [true, null, 'x'] }],
    ['{"":0,"10":1,"9":2,"B":3,"a":4}', { '9': 2, '10': 1, a: 4, B: 3, '': 0 }],
    ['"\\u0001\\n\\"\\\\\u007f\u2028"', '\u0001\n"\\\u007f\u2028'],
    ['"\\ud800"', '\ud800'],
    ['-9007199254740991', -9007199254740991],
    ['{"__proto__":1}', JSON.parse('{"__proto__":1}')],
  ])('%s is the one encoding of its value', (json, value) => {
    expect(Buffer.from(encodeCanonicalJson(value)).toString()).toBe(json)
    expect(decodeCanonicalJson(Buffer.from(json))).toEqual(value)
  })

  test.each([
    '',
    ' 1',
    '1 ',
    '1.0',
    '1.5',
    '1e3',
    '-0',
    '9007199254740992',
    '{"b":1,"a":2}',
    '{"a":1,"a":2}',
    '{"a": 1}',
    '"\\u0041"',
    '"\\/"',
    '"\\uD800"',
    '[1,]',
    'nul',
    '\ufeff1',
    '['.repeat(100_000),
    `${'['.repeat(40)}${']'.repeat(40)}`,
  ])('%j is refused', (json) => {
    expect(() => decodeCanonicalJson(Buffer.from(json))).toThrow(
      expect.objectContaining({ code: 'OBJECT_CORRUPT' }),
    )
  })

  test('bytes that are not UTF-8 are refused', () => {
    expect(() => decodeCanonicalJson(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(
      expect.objectContaining({ code: 'OBJECT_CORRUPT' }),
    )
  })

  test.each([[undefined], [1.5], [-0], [Number.NaN], [2 ** 53], [1n], [{ a: undefined }]])(
    '%s cannot be encoded, which is a programmer error',
    (value) => {
      expect(() => encodeCanonicalJson(value)).toThrow(
        expect.objectContaining({ name: 'InvariantError' }),
      )
    },
  )
})

describe('JSON lines', () => {
  test.each(['1', '1\n2', '\n', '1\n\n', '1\r\n'])('%j is refused', async (text) => {
    await expect(linesOf(text)).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' })
  })
  test('an empty stream has no lines', async () => {
    expect(await linesOf('')).toEqual([])
  })
})

describe('a manifest node', () => {
  const id = objectIdOf(Buffer.from('x'))
  const chunk = { id, sizeBytes: 5, rowCount: 1 }
  test.each([
    ['a chunk of no bytes', { level: 0, chunks: [{ ...chunk, sizeBytes: 0 }] }],
    ['more rows than bytes', { level: 0, chunks: [{ ...chunk, rowCount: 6 }] }],
    ['too many entries', { level: 0, chunks: Array(513).fill(chunk) }],
    ['no entries above level 0', { level: 1, children: [] }],
    [
      'a child of no chunks',
      { level: 1, children: [{ rootId: id, sizeBytes: 5, rowCount: 1, chunkCount: 0 }] },
    ],
    [
      'too high a level',
      { level: 9, children: [{ rootId: id, sizeBytes: 5, rowCount: 1, chunkCount: 1 }] },
    ],
  ])('with %s is refused', (_, node) => {
    expect(() => encodeManifestNode(node as never)).toThrow(
      expect.objectContaining({ code: 'OBJECT_CORRUPT' }),
    )
  })

  test('that announces more entries than it has bytes for is refused before any is read', () => {
    const bytes = Buffer.from(encodeManifestNode({ level: 0, chunks: [chunk] }))
    bytes.writeUInt32BE(0xffff_ffff, 13)
    expect(() => decodeManifestNode(bytes)).toThrow(
      expect.objectContaining({ code: 'OBJECT_CORRUPT' }),
    )
  })

  test('of a later version is refused by its own code', () => {
    const bytes = Buffer.from(encodeManifestNode({ level: 0, chunks: [chunk] }))
    bytes.write('2', 'snap node '.length)
    expect(() => decodeManifestNode(bytes)).toThrow(
      expect.objectContaining({ code: 'FORMAT_UNSUPPORTED' }),
    )
  })
})

describe('a pack entry whose CRC is right', () => {
  // RFC 8878: a frame of one RLE block, 200 times "a".
  const frame = Buffer.from('28b52ffd20c843060061', 'hex')
  const id = objectIdOf(Buffer.alloc(200, 'a'))
  const entry = (fields: { id?: typeof id; sizeBytes?: number; stored?: Buffer }) => {
    const { stored = frame, sizeBytes = 200 } = fields
    const header = { kind: 'chunk', encoding: 'zstd', storedSizeBytes: stored.length } as const
    const head = encodeEntryHead({ ...header, id: fields.id ?? id, sizeBytes }, stored)
    return Buffer.concat([head, stored])
  }

  test('is decoded', () => {
    expect(decodeObject(entry({}), { packKey: 'k' }).object).toEqual(Buffer.alloc(200, 'a'))
  })

  test.each([
    ['a frame of more bytes than announced', entry({ sizeBytes: 199 })],
    ['a frame of fewer bytes than announced', entry({ sizeBytes: 201 })],
    ['something that is no frame', entry({ stored: Buffer.from('no frame') })],
    ['a frame that is cut off', entry({ stored: frame.subarray(0, 9) })],
    ['an object of another id', entry({ id: objectIdOf(Buffer.from('other')) })],
  ])('and which holds %s is refused', (_, bytes) => {
    expect(() => decodeObject(bytes, { packKey: 'k' })).toThrow(
      expect.objectContaining({ code: 'OBJECT_CORRUPT' }),
    )
  })

  test('of an unknown kind or encoding is refused by its own code', () => {
    for (const offset of [32, 33]) {
      const bytes = entry({})
      bytes[offset] = 4
      bytes.writeUInt32BE(crc32(frame, crc32(bytes.subarray(0, 42))), 42)
      expect(() => decodeObject(bytes, { packKey: 'k' })).toThrow(
        expect.objectContaining({ code: 'FORMAT_UNSUPPORTED' }),
      )
    }
  })
})

async function linesOf(text: string): Promise<unknown[]> {
  const lines: unknown[] = []
  async function* source() {
    if (text !== '') yield Buffer.from(text)
  }
  for await (const line of decodeJsonLines(source(), (value) => value)) lines.push(line)
  return lines
}

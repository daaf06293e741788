import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decompressLz4Frames } from '../../../src/import/lz4-frame.ts'
import { Xxh32 } from '../../../src/import/xxh32.ts'

async function* inPieces(bytes: Buffer, sizeBytes: number) {
  for (let at = 0; at < bytes.length; at += sizeBytes) yield bytes.subarray(at, at + sizeBytes)
}

async function decompress(bytes: Buffer, pieceBytes = bytes.length): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of decompressLz4Frames(inPieces(bytes, pieceBytes))) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** `printf 'abc%.0s' $(seq 30) | lz4 -BX`, of lz4 1.9.4: with every checksum. */
const CHECKED = Buffer.from(
  '04224d187440bd0d0000003f61626303003f506263616263ae7928bf00000000426dcc47',
  'hex',
)

/** Of three bytes, which are to be passed over. */
const SKIPPABLE = Buffer.from('502a4d1803000000010203', 'hex')

/** More than a block of 64 KiB; the second refers to the first. */
const LONG_TEXT = `${'0123456789abcdef'.repeat(4200)}x${'fedcba9876543210'.repeat(20)}${'0123456789abcdef'.repeat(100)}`

/** Of that text: `lz4 -B4 -BD --content-size`. */
const LINKED = Buffer.from(
  'BCJNGExAAQ4BAAAAAAAAGwEAAP8BMDEyMzQ1Njc4OWFiY2RlZhAA////////////////////////////' +
    '////////////////////////////////////////////////////////////////////////////////' +
    '////////////////////////////////////////////////////////////////////////////////' +
    '////////////////////////////////////////////////////////////////////////////////' +
    '/////////////////////////////////////////////////////////////////////////9hQYmNk' +
    'ZWZCAAAA/wEwMTIzNDU2Nzg5YWJjZGVmEAD///////9j/wJ4ZmVkY2JhOTg3NjU0MzIxMBAA/x4PsQf/' +
    '//////8uUGJjZGVmAAAAAB0fPaI=',
  'base64',
)

test('frames of lz4 give what was compressed, however their bytes come', async () => {
  for (const pieceBytes of [1, 7, 4096]) {
    expect((await decompress(CHECKED, pieceBytes)).toString()).toBe('abc'.repeat(30))
    expect((await decompress(LINKED, pieceBytes)).toString()).toBe(LONG_TEXT)
  }
  expect((await decompress(Buffer.concat([CHECKED, SKIPPABLE, CHECKED]))).length).toBe(180)
  expect((await decompress(Buffer.alloc(0))).length).toBe(0)
})

test('a frame that is cut off anywhere is refused', async () => {
  for (let sizeBytes = 1; sizeBytes < LINKED.length; sizeBytes++) {
    await expect(decompress(LINKED.subarray(0, sizeBytes))).rejects.toThrow(/LZ4/)
  }
})

test('where there are checksums, any byte that is another is noticed', async () => {
  for (let at = 0; at < CHECKED.length; at++) {
    const damaged = Buffer.from(CHECKED)
    damaged[at]! ^= 0x10
    await expect(decompress(damaged), `byte ${at}`).rejects.toThrow(/LZ4/)
  }
})

test('no bytes make it read or write where it may not', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat({ max: LINKED.length - 1 }), fc.nat({ max: 255 })), {
        minLength: 1,
        maxLength: 5,
      }),
      async (changes) => {
        const damaged = Buffer.from(LINKED)
        for (const [at, byte] of changes) damaged[at] = byte
        const outcome = await decompress(damaged).catch((error) => error)
        expect(Buffer.isBuffer(outcome) || /LZ4/.test(outcome.message)).toBe(true)
      },
    ),
  )
})

test('hashes are those of the specification', () => {
  const hash = (text: string) => new Xxh32().update(Buffer.from(text)).digest()
  expect(hash('')).toBe(0x02cc5d05)
  expect(hash('a')).toBe(0x550d7456)
  expect(hash('abc')).toBe(0x32d153ff)
  expect(hash('Nobody inspects the spammish repetition')).toBe(0xe2293b2f)
})

test('a hash does not depend on how the bytes come', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (pieces) => {
      const inOne = new Xxh32().update(Buffer.concat(pieces)).digest()
      const hash = new Xxh32()
      for (const piece of pieces) hash.update(piece)
      expect(hash.digest()).toBe(inOne)
    }),
  )
})

import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { ByteReader } from '../../../src/import/byte-reader.ts'
import { readTar } from '../../../src/import/read-tar.ts'

const path = new URL('../../../fixtures/dumps/17/tar.tar', import.meta.url).pathname

async function* inPieces(bytes: Buffer, sizeBytes: number) {
  for (let at = 0; at < bytes.length; at += sizeBytes) yield bytes.subarray(at, at + sizeBytes)
}

const membersOf = (bytes: Buffer, pieceBytes: number) =>
  readTar(new ByteReader(inPieces(bytes, pieceBytes), 'it'), 'it')

test('a tar file holds what tar says, however its bytes come', async () => {
  const names = execFileSync('tar', ['-tf', path]).toString().trim().split('\n')
  for (const pieceBytes of [511, 1 << 16]) {
    const found: string[] = []
    for await (const { name, bytes } of membersOf(await readFile(path), pieceBytes)) {
      found.push(name)
      const pieces: Uint8Array[] = []
      // Every other is left unread.
      if (found.length % 2 === 0) continue
      for await (const piece of bytes) pieces.push(piece)
      expect(Buffer.concat(pieces)).toEqual(execFileSync('tar', ['-xOf', path, name]))
    }
    expect(found).toEqual(names)
  }
})

test('a file that ends within a member, or before the zeros at the end, is refused', async () => {
  const whole = await readFile(path)
  for (const sizeBytes of [100, 512, 3000, whole.length - 1024]) {
    const reading = async () => {
      for await (const { bytes } of membersOf(whole.subarray(0, sizeBytes), 4096)) {
        for await (const _ of bytes);
      }
    }
    await expect(reading()).rejects.toMatchObject({ code: 'DUMP_UNREADABLE' })
  }
})

test('the size of a member of more than 8 GiB is a binary number', async () => {
  const header = Buffer.alloc(512)
  header.write('large.dat')
  header.writeUInt8(0x80, 124)
  header.writeUIntBE(9 * 2 ** 30, 130, 6)
  header.write('        ', 148)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  let readBytes = 0
  const piece = Buffer.alloc(1 << 20)
  const source = async function* () {
    yield header
    for (;;) yield piece
  }
  for await (const { bytes } of readTar(new ByteReader(source(), 'it'), 'it')) {
    for await (const each of bytes) {
      readBytes += each.length
      if (readBytes > 8 << 20) break
    }
    break
  }
  expect(readBytes).toBeGreaterThan(8 << 20)
})

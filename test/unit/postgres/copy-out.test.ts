import { EventEmitter } from 'node:events'
import * as fc from 'fast-check'
import type pg from 'pg'
import { expect, test } from 'vitest'
import { CopyOutQuery } from '../../../src/postgres/copy-out.ts'

/** A socket and pg's reader of it, as far as a COPY has to do with them. */
function newConnection() {
  const socket = Object.assign(new EventEmitter(), { pauseCount: 0, pause() {}, resume() {} })
  socket.pause = () => {
    socket.pauseCount++
  }
  const givenToPg: Buffer[] = []
  socket.on('data', (bytes: Buffer) => givenToPg.push(Buffer.from(bytes)))
  const connection = { stream: socket, query() {} } as unknown as pg.Connection
  return { socket, connection, givenToPg }
}

function message(kind: string, contents: Buffer | string): Buffer {
  const body = Buffer.from(contents as string)
  const head = Buffer.alloc(5)
  head.write(kind, 'latin1')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

const COPY_OUT_RESPONSE = message('H', Buffer.from([0, 0, 1, 0, 0]))
const NOTICE = message('N', 'SNOTICE\0Mby the way\0\0')
const END = Buffer.concat([message('C', 'COPY 2\0'), message('Z', 'T')])

/** Cuts bytes into as many pieces as `lengths` says; the last takes the rest. */
function* cut(bytes: Buffer, lengths: readonly number[]): Iterable<Buffer> {
  let offset = 0
  for (const length of lengths) {
    yield Buffer.from(bytes.subarray(offset, offset + length))
    offset += length
  }
  if (offset < bytes.length) yield Buffer.from(bytes.subarray(offset))
}

async function readAll(query: CopyOutQuery): Promise<string> {
  const pieces: Buffer[] = []
  for (let piece = await query.next(); piece !== undefined; piece = await query.next()) {
    pieces.push(Buffer.from(piece))
  }
  return Buffer.concat(pieces).toString()
}

test('rows are read, and all else is pg’s, however the bytes arrive', async () => {
  const rows = fc.array(
    fc.string({ maxLength: 200 }).map((text) => `${text}\n`),
    { maxLength: 20 },
  )
  const lengths = fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 200 })
  await fc.assert(
    fc.asyncProperty(rows, lengths, async (texts, sizes) => {
      const { socket, connection, givenToPg } = newConnection()
      const query = new CopyOutQuery('COPY t TO STDOUT')
      query.submit(connection)
      const stream = Buffer.concat([
        COPY_OUT_RESPONSE,
        ...texts.flatMap((text, i) => [message('d', text), ...(i % 3 === 0 ? [NOTICE] : [])]),
        message('c', ''),
        END,
      ])
      for (const piece of cut(stream, sizes)) socket.emit('data', piece)

      expect(await readAll(query)).toBe(texts.join(''))
      const notices = texts.filter((_, i) => i % 3 === 0).map(() => NOTICE)
      expect(Buffer.concat(givenToPg)).toEqual(Buffer.concat([...notices, END]))
    }),
  )
})

test('an error in the middle is pg’s to report, after the rows before it', async () => {
  const { socket, connection, givenToPg } = newConnection()
  const query = new CopyOutQuery('COPY t TO STDOUT')
  query.submit(connection)
  const error = message('E', 'SERROR\0Mcanceling statement\0\0')
  const end = message('Z', 'E')
  socket.emit('data', Buffer.concat([COPY_OUT_RESPONSE, message('d', '1\n'), error, end]))

  expect(await readAll(query)).toBe('1\n')
  expect(Buffer.concat(givenToPg)).toEqual(Buffer.concat([error, end]))
  query.handleError(new Error('canceling statement'))
  await expect(query.settled).rejects.toThrow('canceling statement')
})

test('a reader that is behind stops the socket', () => {
  const { socket, connection } = newConnection()
  const query = new CopyOutQuery('COPY t TO STDOUT')
  query.submit(connection)
  for (let i = 0; i < 10; i++) socket.emit('data', message('d', Buffer.alloc(60_000, 'x')))

  expect(socket.pauseCount).toBeGreaterThan(0)
})

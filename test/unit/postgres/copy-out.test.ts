import { EventEmitter } from 'node:events'
import * as fc from 'fast-check'
import type pg from 'pg'
import { expect, test } from 'vitest'
import { CopyOutQuery, readCopyOuts } from '../../../src/postgres/copy-out.ts'

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

async function textOf(rows: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of rows) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces).toString()
}

const noticesOf = (texts: readonly string[]) =>
  texts.filter((_, i) => i % 3 === 0).map(() => NOTICE)

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

/** What the server sends for one COPY of several. */
const copyOf = (texts: readonly string[]) =>
  Buffer.concat([
    COPY_OUT_RESPONSE,
    ...texts.flatMap((text, i) => [message('d', text), ...(i % 3 === 0 ? [NOTICE] : [])]),
    message('c', ''),
    message('C', `COPY ${texts.length}\0`),
  ])

/** Begins to read COPYs that are sent as one query, and feeds what a server sends for them. */
function readFrom(stream: Iterable<Buffer>, statementCount: number) {
  const { socket, connection, givenToPg } = newConnection()
  const query = new CopyOutQuery(...Array.from({ length: statementCount }, (_, i) => `COPY t${i}`))
  let cancelCount = 0
  const copies = readCopyOuts({
    query,
    start: () => {
      query.submit(connection)
      for (const piece of stream) socket.emit('data', piece)
    },
    cancel: async () => {
      cancelCount++
      query.handleError(new Error('canceling statement'))
    },
  })
  return { query, copies, givenToPg, cancelCount: () => cancelCount }
}

test('the rows of each of several COPYs are told apart, however the bytes arrive', async () => {
  const row = fc.string({ maxLength: 200 }).map((text) => `${text}\n`)
  const tables = fc.array(fc.array(row, { maxLength: 6 }), { minLength: 1, maxLength: 8 })
  const lengths = fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 200 })
  await fc.assert(
    fc.asyncProperty(tables, lengths, async (copied, sizes) => {
      const stream = Buffer.concat([...copied.map(copyOf), message('Z', 'T')])
      const { query, copies, givenToPg } = readFrom(cut(stream, sizes), copied.length)
      query.handleReadyForQuery()

      const found: string[] = []
      for await (const rows of copies) found.push(await textOf(rows))

      expect(found).toEqual(copied.map((texts) => texts.join('')))
      const notices = copied.flatMap(noticesOf)
      const last = Buffer.concat([
        message('C', `COPY ${copied.at(-1)?.length}\0`),
        message('Z', 'T'),
      ])
      expect(Buffer.concat(givenToPg)).toEqual(Buffer.concat([...notices, last]))
    }),
  )
})

test('an error in one of several COPYs is thrown among its rows, and ends the reading', async () => {
  const error = message('E', 'SERROR\0Minvalid page\0\0')
  const stream = Buffer.concat([
    copyOf(['1\n', '2\n']),
    COPY_OUT_RESPONSE,
    message('d', '3\n'),
    error,
    message('Z', 'E'),
  ])
  const { query, copies, givenToPg, cancelCount } = readFrom([stream], 3)
  const found: string[] = []
  const reading = (async () => {
    for await (const rows of copies) {
      for await (const piece of rows) found.push(`${query.doneCount}: ${piece}`)
      found.push('end')
    }
  })()
  query.handleError(new Error('invalid page'))

  await expect(reading).rejects.toThrow('invalid page')
  expect(found).toEqual(['1: 1\n2\n', 'end', '1: 3\n'])
  expect(Buffer.concat(givenToPg)).toEqual(Buffer.concat([NOTICE, error, message('Z', 'E')]))
  expect(cancelCount()).toBe(0)
})

test('rows of a COPY that are not read are skipped, and not mixed with what follows', async () => {
  const tables = [['1\n'], ['2\n', '3\n', '4\n'], ['5\n']]
  const stream = Buffer.concat([...tables.map(copyOf), message('Z', 'T')])
  const { query, copies } = readFrom(cut(stream, Array(200).fill(3)), tables.length)
  query.handleReadyForQuery()

  await copies.next()
  const second = await copies.next()
  const piece = await second.value?.next()
  const third = await copies.next()

  expect(String(piece?.value)).toBe('2\n')
  expect(await textOf(third.value ?? [])).toBe('5\n')
  expect((await copies.next()).done).toBe(true)
})

test('to leave several COPYs early cancels them once', async () => {
  const { copies, cancelCount } = readFrom([copyOf(['1\n'])], 2)
  for await (const rows of copies) {
    expect(await textOf(rows)).toBe('1\n')
    break
  }
  expect(cancelCount()).toBe(1)
})

test('a statement that is no COPY is not taken for an empty table', async () => {
  const { query, copies } = readFrom([Buffer.concat([copyOf([]), END])], 2)
  query.handleReadyForQuery()
  await expect(
    (async () => {
      for await (const rows of copies) await textOf(rows)
    })(),
  ).rejects.toThrow('statement 2 of a query was no COPY')
})

test('a reader that is behind stops the socket', () => {
  const { socket, connection } = newConnection()
  const query = new CopyOutQuery('COPY t TO STDOUT')
  query.submit(connection)
  for (let i = 0; i < 10; i++) socket.emit('data', message('d', Buffer.alloc(60_000, 'x')))

  expect(socket.pauseCount).toBeGreaterThan(0)
})

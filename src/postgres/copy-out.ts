/**
 * Reads what `COPY … TO STDOUT` sends.
 *
 * Each row is a message of its own, of which pg-copy-streams makes several objects: it takes 1.8
 * (long rows) to 2.5 times (short ones) the processor time of this reader, measured by
 * `test/bench/copy-out.js`. Here the socket's bytes are taken before pg sees them, and
 * the heads of messages are taken out of them in place. Whatever is not about rows is given to pg.
 *
 * @see PostgreSQL manual, "COPY Operations" and "Message Formats" of the frontend/backend protocol
 */
import type { Socket } from 'node:net'
import type pg from 'pg'
import { InvariantError } from '../errors.ts'
import type { Conversation } from './session.ts'

const COPY_DATA = 0x64 // d
const COPY_OUT_RESPONSE = 0x48 // H
const COPY_DONE = 0x63 // c
const COMMAND_COMPLETE = 0x43 // C
/** What the server may say between any two messages: notices, settings, notifications. */
const ASIDES: ReadonlySet<number> = new Set([0x4e, 0x53, 0x41])

/** Kind, then the length of what follows the kind. */
const HEAD_BYTES = 5

/** Rows wait in pieces of one socket read, 64 KiB; a few of them ahead keep the server busy while a chunk is hashed. */
const MAX_WAITING_BYTES = 1 << 18

/** Stands among the rows that wait. */
const END_OF_COPY = Buffer.alloc(0)

/** Below it a loop is faster than a call. */
const SHORT_MOVE_BYTES = 48

type TakeBytes = (bytes: Buffer) => void

/** The part of the conversation on a connection that one COPY has, or several that are sent as one query. */
export class CopyOutQuery implements Conversation {
  /** Resolves when the server is ready for the next statement; rejects with its error, or the connection's. */
  readonly settled: Promise<void>
  readonly #statements: readonly string[]
  #settle!: { resolve: () => void; reject: (error: Error) => void }
  #socket: Socket | undefined
  /** What pg would have done with the socket's bytes. */
  #giveToPg: TakeBytes = () => {}
  readonly #take: TakeBytes = (bytes) => this.#takeBytes(bytes)

  /** A head that came in parts. */
  readonly #head = Buffer.alloc(HEAD_BYTES)
  #headSizeBytes = 0
  /** Kind of the message whose contents come, and how much of them is still to come. */
  #kind = 0
  #leftBytes = 0

  /** Rows, and an `END_OF_COPY` where those of one COPY end and those of another follow. */
  readonly #waiting: Buffer[] = []
  #waitingBytes = 0
  /** COPYs whose rows have all come. */
  #doneCount = 0
  #hasEnded = false
  #isDiscarding = false
  #wake: (() => void) | undefined

  /** @param statements  each a `COPY … TO STDOUT`; if one fails, those after it are not run */
  constructor(...statements: readonly string[]) {
    this.#statements = statements
    this.settled = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    // Whoever reads to the end hears of a failure there; nobody else need.
    this.settled.catch(() => {})
  }

  get statementCount(): number {
    return this.#statements.length
  }

  /** COPYs that have sent all their rows, read or not; what failed is not among them. */
  get doneCount(): number {
    return this.#doneCount
  }

  /**
   * Returns the next rows of a COPY, or `undefined` when it has no more or has failed; what is
   * returned after that is of the next one. Rows may end within a row.
   */
  async next(): Promise<Buffer | undefined> {
    while (this.#waiting.length === 0 && !this.#hasEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const piece = this.#waiting.shift()
    this.#waitingBytes -= piece?.length ?? 0
    if (this.#waitingBytes <= MAX_WAITING_BYTES / 2 && !this.#hasEnded) this.#socket?.resume()
    return piece === END_OF_COPY ? undefined : piece
  }

  /** Reads on without keeping anything. */
  discard(): void {
    this.#isDiscarding = true
    this.#waiting.length = 0
    this.#waitingBytes = 0
    this.#socket?.resume()
  }

  submit(connection: pg.Connection): void {
    const socket = connection.stream as Socket
    const [giveToPg, ...others] = socket.listeners('data') as TakeBytes[]
    if (giveToPg === undefined || others.length > 0) {
      throw new InvariantError(`${others.length} others read the connection's socket beside pg`)
    }
    this.#giveToPg = giveToPg
    this.#socket = socket
    socket.off('data', giveToPg)
    socket.on('data', this.#take)
    ;(connection as pg.Connection & { query(sql: string): void }).query(
      this.#statements.join('\n;\n'),
    )
  }

  handleError(error: Error): void {
    this.#end()
    this.#settle.reject(error)
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.#settle.resolve()
  }

  /** Takes one read of the socket. Its buffer is ours: rows are moved together at its beginning. */
  #takeBytes(bytes: Buffer): void {
    let rowsStart = 0
    let rowsEnd = 0
    let offset = 0
    while (offset < bytes.length) {
      if (this.#leftBytes > 0) {
        const size = Math.min(this.#leftBytes, bytes.length - offset)
        if (this.#kind === COPY_DATA) {
          move(bytes, { to: rowsEnd, from: offset, size })
          rowsEnd += size
        } else if (ASIDES.has(this.#kind)) {
          this.#giveToPg(Buffer.from(bytes.subarray(offset, offset + size)))
        }
        this.#leftBytes -= size
        offset += size
        continue
      }
      if (this.#headSizeBytes === 0 && bytes.length - offset >= HEAD_BYTES) {
        this.#beginMessage(bytes, offset)
        offset += HEAD_BYTES
      } else {
        const size = Math.min(HEAD_BYTES - this.#headSizeBytes, bytes.length - offset)
        bytes.copy(this.#head, this.#headSizeBytes, offset, offset + size)
        this.#headSizeBytes += size
        offset += size
        if (this.#headSizeBytes < HEAD_BYTES) break
        this.#headSizeBytes = 0
        this.#beginMessage(this.#head, 0)
      }
      if (this.#kind === COPY_DATA || this.#kind === COPY_OUT_RESPONSE) continue
      if (this.#kind === COPY_DONE) {
        this.#doneCount++
        if (this.#doneCount < this.#statements.length) {
          this.#push(bytes.subarray(rowsStart, rowsEnd))
          this.#push(END_OF_COPY)
          rowsStart = rowsEnd
          continue
        }
      } else if (this.#kind === COMMAND_COMPLETE && this.#doneCount > 0) {
        continue
      }
      const head = this.#kind === COPY_DONE ? Buffer.alloc(0) : this.#headAgain()
      if (ASIDES.has(this.#kind)) {
        this.#giveToPg(head)
        continue
      }
      // The end of the rows, or of the statement by an error: all that follows is pg's.
      const rest = Buffer.concat([head, bytes.subarray(offset)])
      this.#push(bytes.subarray(rowsStart, rowsEnd))
      this.#end()
      if (rest.length > 0) this.#giveToPg(rest)
      return
    }
    this.#push(bytes.subarray(rowsStart, rowsEnd))
  }

  #beginMessage(bytes: Buffer, offset: number): void {
    this.#kind = bytes[offset]!
    // The length counts itself.
    this.#leftBytes =
      ((bytes[offset + 1]! << 24) |
        (bytes[offset + 2]! << 16) |
        (bytes[offset + 3]! << 8) |
        bytes[offset + 4]!) -
      4
  }

  #headAgain(): Buffer {
    const head = Buffer.alloc(HEAD_BYTES)
    head.writeUInt8(this.#kind, 0)
    head.writeInt32BE(this.#leftBytes + 4, 1)
    return head
  }

  #push(rows: Buffer): void {
    if ((rows.length === 0 && rows !== END_OF_COPY) || this.#isDiscarding) return
    this.#waiting.push(rows)
    this.#waitingBytes += rows.length
    if (this.#waitingBytes > MAX_WAITING_BYTES) this.#socket?.pause()
    this.#wakeReader()
  }

  /** Gives the socket back to pg. */
  #end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#socket?.off('data', this.#take)
    this.#socket?.on('data', this.#giveToPg)
    this.#socket?.resume()
    this.#wakeReader()
  }

  #wakeReader(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}

/** Moves bytes towards the beginning of their buffer. */
function move(bytes: Buffer, { to, from, size }: { to: number; from: number; size: number }): void {
  if (to === from) return
  if (size > SHORT_MOVE_BYTES) {
    bytes.copyWithin(to, from, from + size)
    return
  }
  for (let i = 0; i < size; i++) bytes[to + i] = bytes[from + i]!
}

interface CopyOut {
  query: CopyOutQuery
  start: (query: CopyOutQuery) => void
  cancel: () => Promise<void>
}

/**
 * Reads a COPY to its end, and leaves the connection ready whatever happens: an early end cancels
 * the statement and reads on until the server stops.
 */
export async function* readCopyOut(copy: CopyOut): AsyncGenerator<Buffer, void, undefined> {
  for await (const rows of readCopyOuts(copy)) yield* rows
}

/**
 * Reads COPYs that are sent as one query. Gives the rows of each in turn, to be read before the next
 * is asked for: what is left of them then is skipped. What a COPY fails with is thrown among its rows.
 *
 * Leaves the connection ready as `readCopyOut` does.
 */
export async function* readCopyOuts({
  query,
  start,
  cancel,
}: CopyOut): AsyncGenerator<AsyncGenerator<Buffer, void, undefined>, void, undefined> {
  let hasFailed = false
  query.settled.catch(() => {
    hasFailed = true
  })
  start(query)
  let overCount = 0
  const rowsOf = async function* (number: number) {
    for (let piece = await query.next(); piece !== undefined; piece = await query.next()) {
      yield piece
    }
    overCount = number
    if (query.doneCount < number) {
      await query.settled
      throw new InvariantError(`statement ${number} of a query was no COPY`)
    }
  }
  let isReadToEnd = false
  try {
    for (let number = 1; number <= query.statementCount; number++) {
      yield rowsOf(number)
      if (overCount < number) for await (const _ of rowsOf(number));
    }
    isReadToEnd = true
    // An error can still come after the last row, at the implicit commit.
    await query.settled
  } finally {
    if (!isReadToEnd && !hasFailed) {
      query.discard()
      await cancel()
      await query.settled.catch(() => undefined)
    }
  }
}

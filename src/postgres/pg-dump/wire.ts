/**
 * As much of the frontend/backend protocol as the pg_dump bridge needs.
 *
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
import type { ServerError } from '../sql-state.ts'

export type TransactionStatus = 'I' | 'T' | 'E'

function message(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5)
  header.write(type, 0, 'latin1')
  header.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}

export function readyForQuery(status: TransactionStatus): Buffer {
  return message('Z', Buffer.from(status))
}

/** What a server sends after it has accepted a password. */
export function sessionStart(
  parameters: Readonly<Record<string, string>>,
  status: TransactionStatus,
): Buffer {
  return Buffer.concat([
    message('R', Buffer.alloc(4)),
    ...Object.entries(parameters).map(([name, value]) =>
      message('S', Buffer.from(`${name}\0${value}\0`)),
    ),
    message('K', Buffer.alloc(8)),
    readyForQuery(status),
  ])
}

/** What a server sends after a statement that returns nothing. */
export function commandDone(tag: string, status: TransactionStatus): Buffer {
  return Buffer.concat([message('C', Buffer.from(`${tag}\0`)), readyForQuery(status)])
}

/** Returns the SQL of a Query message, or `undefined` when it is another message. */
export function queryText(request: Buffer): string | undefined {
  return request[0] === QUERY ? request.toString('utf8', 5, request.length - 1) : undefined
}

export function query(sql: string): Buffer {
  return message('Q', Buffer.from(`${sql}\0`))
}

export function isTerminate(request: Buffer): boolean {
  return request[0] === TERMINATE
}

const QUERY = 'Q'.charCodeAt(0)
const TERMINATE = 'X'.charCodeAt(0)
const READY_FOR_QUERY = 'Z'.charCodeAt(0)
const ERROR_RESPONSE = 'E'.charCodeAt(0)

/**
 * Gathers a server's answer until ReadyForQuery.
 *
 * Follows message boundaries, so that row data which looks like the end of an
 * answer is not taken for one.
 */
export class AnswerReader {
  #pieces: Buffer[] = []
  #unread: Buffer = Buffer.alloc(0)
  #error: ServerError | undefined

  /** The error in the answers so far, if there was one; the last one wins. */
  get lastError(): ServerError | undefined {
    return this.#error
  }

  /** Takes what the socket delivered; returns the whole answer when it is complete. */
  push(piece: Buffer): Buffer | undefined {
    this.#unread = this.#unread.length === 0 ? piece : Buffer.concat([this.#unread, piece])
    let offset = 0
    let isComplete = false
    while (this.#unread.length - offset >= 5) {
      const end = offset + 1 + this.#unread.readUInt32BE(offset + 1)
      if (end > this.#unread.length) break
      const type = this.#unread[offset]
      if (type === ERROR_RESPONSE) this.#error = readError(this.#unread.subarray(offset + 5, end))
      isComplete = type === READY_FOR_QUERY
      offset = end
    }
    this.#pieces.push(this.#unread.subarray(0, offset))
    this.#unread = this.#unread.subarray(offset)
    if (!isComplete) return undefined
    const answer = Buffer.concat(this.#pieces)
    this.#pieces = []
    return answer
  }
}

/** Status byte of the ReadyForQuery that ends a complete answer. */
export function finalStatus(answer: Buffer): TransactionStatus {
  return String.fromCharCode(answer[answer.length - 1]!) as TransactionStatus
}

function readError(body: Buffer): ServerError {
  const fields = new Map(
    body
      .toString('utf8')
      .split('\0')
      .filter((field) => field !== '')
      .map((field) => [field[0]!, field.slice(1)]),
  )
  return {
    severity: fields.get('V'),
    code: fields.get('C') ?? 'XX000',
    message: fields.get('M') ?? '',
    detail: fields.get('D'),
    hint: fields.get('H'),
    schema: fields.get('s'),
    table: fields.get('t'),
    constraint: fields.get('n'),
    routine: fields.get('R'),
  }
}

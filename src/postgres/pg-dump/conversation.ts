/**
 * Lets the WebAssembly pg_dump talk to the server over a session's own connection.
 *
 * pg_dump believes that it has logged in, opens its own transaction and reads.
 * In truth its login is answered here, its transaction statements are swallowed,
 * and everything else runs inside the transaction that is open already. So it
 * needs no password, no second connection and no client program, and it sees
 * what that transaction has not committed yet.
 */
import type { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import type pg from 'pg'
import type { Conversation } from '../session.ts'
import type { ServerError } from '../sql-state.ts'
import {
  AnswerReader,
  commandDone,
  finalStatus,
  isTerminate,
  query,
  queryText,
  readyForQuery,
  sessionStart,
  type TransactionStatus,
} from './wire.ts'

export interface WorkerInput {
  args: readonly string[]
  /** Answers are delivered here … */
  answers: MessagePort
  /** … and this wakes the sleeping thread. */
  answered: Int32Array
}

export type WorkerOutput =
  | { kind: 'request'; bytes: Uint8Array }
  | { kind: 'dumped'; archive: Uint8Array; stderr: string }
  | { kind: 'failed'; stderr: string; reason: string }

export type DumpOutcome =
  | { kind: 'dumped'; archive: Uint8Array; stderr: string }
  | { kind: 'failed'; stderr: string; reason: string; serverError: ServerError | undefined }
  | { kind: 'connectionFailed'; error: Error }

/** The parameters a server reports at login, with which pg_dump decides what to send. */
export type SessionParameters = Readonly<Record<string, string>>

export class DumpConversation implements Conversation {
  /** Never rejects. */
  readonly outcome: Promise<DumpOutcome>

  readonly #parameters: SessionParameters
  readonly #answers = new AnswerReader()
  readonly #channel = new MessageChannel()
  readonly #answered = new Int32Array(new SharedArrayBuffer(4))
  readonly #args: readonly string[]
  #resolve!: (outcome: DumpOutcome) => void
  #worker: Worker | undefined
  #connection: HeldConnection | undefined
  #status: TransactionStatus = 'T'
  #isLoggedIn = false
  #isAwaitingServer = false
  #pendingOutcome: DumpOutcome | undefined

  constructor(args: readonly string[], parameters: SessionParameters) {
    this.#args = args
    this.#parameters = parameters
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  /** Called by pg when it is this statement's turn. */
  submit(connection: pg.Connection): void {
    this.#connection = new HeldConnection(connection.stream, (piece) => this.#receive(piece))
    const answers = this.#channel.port2
    const workerData: WorkerInput = { args: this.#args, answers, answered: this.#answered }
    this.#worker = new Worker(new URL('./pg-dump-worker.js', import.meta.url), {
      workerData,
      transferList: [answers],
    })
    const worker: EventEmitter = this.#worker
    worker.on('message', (output: WorkerOutput) => this.#hear(output))
    worker.on('error', (error: Error) => this.#end(failed(error.message)))
    worker.on('exit', () => this.#end(failed('its thread ended early')))
  }

  /** Called by pg when the connection is lost. */
  handleError(error: Error): void {
    this.#isAwaitingServer = false
    this.#end({ kind: 'connectionFailed', error })
  }

  handleReadyForQuery(): void {}

  #hear(output: WorkerOutput): void {
    if (output.kind === 'request') this.#request(Buffer.from(output.bytes))
    else if (output.kind === 'dumped') this.#end(output)
    else this.#end({ ...output, serverError: this.#answers.lastError })
  }

  #request(request: Buffer): void {
    const ownAnswer = this.#answerOurselves(request)
    if (ownAnswer !== undefined) {
      this.#answer(ownAnswer)
      return
    }
    const sql = queryText(request)
    this.#isAwaitingServer = true
    this.#connection!.write(sql === undefined ? request : query(keptInsideTransaction(sql)))
  }

  #answerOurselves(request: Buffer): Buffer | undefined {
    if (!this.#isLoggedIn) {
      this.#isLoggedIn = true
      return sessionStart(this.#parameters, this.#status)
    }
    // It ends its session; ours goes on.
    if (isTerminate(request)) return Buffer.alloc(0)
    const sql = queryText(request)
    if (sql === undefined || !isOurBusiness(sql)) return undefined
    return commandDone('SET', this.#status)
  }

  #receive(piece: Buffer): void {
    const answer = this.#answers.push(piece)
    if (answer === undefined) return
    this.#isAwaitingServer = false
    this.#status = finalStatus(answer)
    if (this.#pendingOutcome === undefined) this.#answer(answer)
    else this.#finish(this.#pendingOutcome)
  }

  #answer(answer: Buffer): void {
    this.#channel.port1.postMessage(answer)
    Atomics.store(this.#answered, 0, 1)
    Atomics.notify(this.#answered, 0)
  }

  /** The socket goes back to pg only between two answers, or pg would get the rest of one. */
  #end(outcome: DumpOutcome): void {
    if (this.#pendingOutcome !== undefined) return
    this.#pendingOutcome = outcome
    if (!this.#isAwaitingServer) this.#finish(outcome)
  }

  #finish(outcome: DumpOutcome): void {
    void this.#worker?.terminate()
    this.#channel.port1.close()
    this.#connection?.giveBack(readyForQuery(this.#status))
    this.#resolve(outcome)
  }
}

/**
 * pg_dump's transaction is the one we hold open. And its `lock_timeout = 0`
 * would let it wait for ever behind somebody's ALTER TABLE: ours stays in force.
 */
function isOurBusiness(sql: string): boolean {
  return /^(BEGIN|COMMIT|ROLLBACK|SET TRANSACTION |SET lock_timeout )/i.test(sql)
}

/** Makes a setting end with the transaction, so that the session's own value survives it. */
function keptInsideTransaction(sql: string): string {
  if (/^SET (?!LOCAL )/i.test(sql)) return sql.replace(/^SET (SESSION )?/i, 'SET LOCAL ')
  if (/^SELECT (pg_catalog\.)?set_config\(/i.test(sql)) return sql.replace(/, *false\)/, ', true)')
  return sql
}

function failed(reason: string): DumpOutcome {
  return { kind: 'failed', stderr: '', reason, serverError: undefined }
}

/** pg's socket, with what it receives diverted until it is given back. */
class HeldConnection {
  readonly #stream: Duplex
  readonly #owners: Array<(piece: Buffer) => void>
  readonly #receive: (piece: Buffer) => void

  constructor(stream: Duplex, receive: (piece: Buffer) => void) {
    this.#stream = stream
    this.#receive = receive
    this.#owners = stream.listeners('data') as Array<(piece: Buffer) => void>
    for (const owner of this.#owners) stream.off('data', owner)
    stream.on('data', receive)
  }

  write(bytes: Buffer): void {
    this.#stream.write(bytes)
  }

  /** Returns the socket; pg believes that its statement has ended with `lastMessage`. */
  giveBack(lastMessage: Buffer): void {
    this.#stream.off('data', this.#receive)
    for (const owner of this.#owners) {
      this.#stream.on('data', owner)
      owner(lastMessage)
    }
  }
}

/**
 * One authenticated connection, and what the rest of the library may do with it.
 *
 * Every failure leaves here as a `SnapError`. Statements run one after the
 * other; a caller that does not await one before it starts the next gets them
 * queued. Settings are the server's defaults until `pinSettings` is called.
 */
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { SnapError } from '../errors.ts'
import { type DatabaseAddress, describeAddress } from './address/database-address.ts'
import { sendCancelRequest } from './connect/cancel-request.ts'
import { connectClient } from './connect/connect-client.ts'
import { runCopyIn } from './copy-in.ts'
import { CopyOutQuery, readCopyOut, readCopyOuts } from './copy-out.ts'
import { quoteLiteral } from './quote.ts'
import { serverMajorOf } from './server-major.ts'
import { connectionLost, translateStatementError } from './sql-state.ts'

/** `server_version_num` of the oldest server that is supported. */
export const OLDEST_SERVER_VERSION_NUMBER = 140000

export interface SessionOptions {
  /** Shown in pg_stat_activity unless the address names another; `snap` when not given. */
  applicationName?: string
  /** Cancels the statement that runs; it and all later ones reject with ABORTED. Only `close` remains. */
  signal?: AbortSignal
  /** How long a statement may wait for a lock; 0 (the server's own default) waits for ever. */
  lockTimeoutMs?: number
}

/** `none`: no transaction is open. `open`: one is. `failed`: one is, and only ROLLBACK will be accepted. */
export type TransactionState = 'none' | 'open' | 'failed'

/**
 * Connects and checks that the server is one we know.
 *
 * @throws POSTGRES_UNREACHABLE            nobody answers, or not with the encryption asked for
 * @throws POSTGRES_AUTHENTICATION_FAILED  user or password is wrong, or pg_hba.conf has no rule
 * @throws POSTGRES_REFUSED                no such database, too many connections, …
 * @throws POSTGRES_UNSUPPORTED            the server is older than PostgreSQL 14
 * @throws ABORTED                         `signal` was aborted meanwhile
 */
export async function openSession(
  address: DatabaseAddress,
  options: SessionOptions = {},
): Promise<Session> {
  const { client, isEncrypted } = await connectClient(address, {
    applicationName: options.applicationName ?? 'snap',
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  const session = new Session(client, address, isEncrypted, options.signal)
  try {
    await session.readServerVersion()
    if (options.lockTimeoutMs !== undefined) {
      await session.execute(`SET lock_timeout = ${quoteLiteral(`${options.lockTimeoutMs}ms`)}`)
    }
    return session
  } catch (error) {
    await session.close()
    throw error
  }
}

/** A statement that talks to the connection itself, as pg knows it from cursors and COPY streams. */
export interface Conversation extends pg.Submittable {
  handleError(error: Error): void
  handleReadyForQuery(): void
}

export class Session {
  readonly address: DatabaseAddress
  readonly isEncrypted: boolean
  readonly processId: number
  /** What stops this session's statements, if anything can. */
  readonly signal: AbortSignal | undefined
  /** `server_version_num`: 180004. */
  serverVersionNumber = 0
  /** `server_version`, for people. */
  serverVersion = ''

  readonly #client: pg.Client
  readonly #secretKey: number
  readonly #stopOnAbort = () => void this.cancel().catch(() => this.#destroySocket())
  #lostBecause: { cause: unknown } | undefined
  #closed: Promise<void> | undefined

  constructor(
    client: pg.Client,
    address: DatabaseAddress,
    isEncrypted: boolean,
    signal: AbortSignal | undefined,
  ) {
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
    this.#client = client
    this.address = address
    this.isEncrypted = isEncrypted
    this.processId = processID
    this.#secretKey = secretKey
    this.signal = signal
    client.on('error', (cause) => {
      this.#lostBecause ??= { cause }
    })
    client.on('end', () => {
      this.#lostBecause ??= { cause: new Error('the server closed the connection') }
    })
    signal?.addEventListener('abort', this.#stopOnAbort, { once: true })
  }

  /** Major version: 18. */
  get serverMajor(): number {
    return serverMajorOf(this)
  }

  get transactionState(): TransactionState {
    const status = this.#client.getTransactionStatus()
    return status === 'T' ? 'open' : status === 'E' ? 'failed' : 'none'
  }

  /**
   * Runs one statement and returns its rows, parsed as pg does: int8 and numeric
   * as strings, timestamps as `Date`, json parsed, arrays as arrays.
   *
   * @throws POSTGRES_* as `sql-state.ts` translates the server's answer
   */
  async query<Row extends object = Record<string, unknown>>(
    sql: string,
    values?: readonly unknown[],
  ): Promise<Row[]> {
    const result = await this.#run(() =>
      values === undefined
        ? this.#client.query<Row>(sql)
        : this.#client.query<Row>(sql, [...values]),
    )
    return result.rows
  }

  /** Runs one or several statements; `rowCount` is the last one's, 0 for DDL. */
  async execute(sql: string): Promise<{ rowCount: number }> {
    const result: pg.QueryResult | pg.QueryResult[] = await this.#run(() => this.#client.query(sql))
    const last = Array.isArray(result) ? result.at(-1) : result
    return { rowCount: last?.rowCount ?? 0 }
  }

  /**
   * Reads what `COPY … TO STDOUT` sends, in pieces that need not end with a row.
   *
   * A slow reader slows the server down. Leaving the loop early cancels the
   * statement and waits until the connection is ready again; inside a
   * transaction that leaves it failed.
   */
  copyOut(sql: string): AsyncGenerator<Buffer, void, undefined> {
    return this.#translated(readCopyOut(this.#newCopyOut(sql)))
  }

  /**
   * Reads what several `COPY … TO STDOUT` send, for the time of one round trip.
   *
   * Gives the rows of each statement in turn, to be read before those of the next are asked for.
   * What a statement fails with is thrown among its rows; those after it are not run. Otherwise as
   * `copyOut`: to leave the loop early cancels what is left.
   */
  async *copyOuts(
    statements: readonly string[],
  ): AsyncGenerator<AsyncGenerator<Buffer, void, undefined>, void, undefined> {
    for await (const rows of this.#translated(readCopyOuts(this.#newCopyOut(...statements)))) {
      yield this.#translated(rows)
    }
  }

  /**
   * Feeds `COPY … FROM STDIN` and returns how many rows the server took.
   *
   * Pieces need not end with a row. What `source` throws is thrown on, after the
   * server has been told that the COPY failed.
   */
  async copyIn(sql: string, source: AsyncIterable<Uint8Array>): Promise<number> {
    this.#assertUsable()
    const outcome = await runCopyIn({
      stream: copyFrom(sql),
      start: (stream) => this.#submit(stream),
      source,
    })
    if (outcome.kind === 'loaded') return outcome.rowCount
    await this.#untilReady()
    throw outcome.kind === 'sourceFailed' ? outcome.error : this.translate(outcome.error)
  }

  /**
   * Asks the server to stop the running statement, which then rejects. Does
   * nothing when none runs.
   */
  async cancel(): Promise<void> {
    await sendCancelRequest(this.address, {
      processId: this.processId,
      secretKey: this.#secretKey,
      isEncrypted: this.isEncrypted,
    })
  }

  /** Ends the connection; an open transaction is rolled back by the server. Safe to call twice, and after a loss. */
  close(): Promise<void> {
    this.signal?.removeEventListener('abort', this.#stopOnAbort)
    this.#closed ??= this.#lostBecause === undefined ? this.#client.end() : this.#destroySocket()
    return this.#closed
  }

  /** Lets a conversation have the connection; for the files of this folder. */
  converse(conversation: Conversation): void {
    this.#assertUsable()
    this.#submit(conversation)
  }

  /** Translates what a conversation failed with; for the files of this folder. */
  translate(error: unknown): SnapError {
    const translated = translateStatementError(error, {
      address: this.address,
      isAborted: this.signal?.aborted === true,
    })
    // The server ends the connection after such an error; a statement sent before that is noticed must not hang.
    if (translated.code === 'POSTGRES_CONNECTION_LOST') this.#lostBecause ??= { cause: error }
    return translated
  }

  async readServerVersion(): Promise<void> {
    const [row] = await this.query<{ number: number; version: string }>(
      `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version`,
    )
    this.serverVersionNumber = row!.number
    this.serverVersion = row!.version
    if (this.serverVersionNumber < OLDEST_SERVER_VERSION_NUMBER) {
      throw new SnapError(
        'POSTGRES_UNSUPPORTED',
        `cannot use '${describeAddress(this.address)}': it runs PostgreSQL ${this.serverVersion}`,
        { expected: 'PostgreSQL 14 or newer', found: `PostgreSQL ${this.serverVersion}` },
        { hint: 'PostgreSQL 14 and newer are supported' },
      )
    }
  }

  async #run<Result>(start: () => Promise<Result>): Promise<Result> {
    this.#assertUsable()
    try {
      return await start()
    } catch (error) {
      await this.#untilReady()
      throw this.translate(error)
    }
  }

  #newCopyOut(...statements: string[]) {
    return {
      query: new CopyOutQuery(...statements),
      start: (query: CopyOutQuery) => this.#submit(query),
      cancel: () => this.cancel(),
    }
  }

  async *#translated<Piece>(pieces: AsyncIterable<Piece>): AsyncGenerator<Piece, void, undefined> {
    this.#assertUsable()
    try {
      yield* pieces
    } catch (error) {
      await this.#untilReady()
      throw this.translate(error)
    }
  }

  #submit(statement: pg.Submittable): void {
    this.#client.query(statement)
  }

  #assertUsable(): void {
    if (this.signal?.aborted) {
      throw new SnapError('ABORTED', 'the operation was interrupted', { operation: 'statement' })
    }
    if (this.#lostBecause !== undefined) throw connectionLost(this.address, this.#lostBecause.cause)
    if (this.#closed !== undefined) throw connectionLost(this.address, new Error('it was closed'))
  }

  /**
   * Resolves when the server has said, after an error, which state it is in now.
   *
   * pg rejects at the error message; the transaction state comes with the next one.
   */
  async #untilReady(): Promise<void> {
    const client = this.#client as pg.Client & { readyForQuery: boolean; connection: pg.Connection }
    if (client.readyForQuery || this.#lostBecause !== undefined) return
    await new Promise<void>((resolve) => {
      const settle = () => {
        client.connection.off('readyForQuery', settle)
        client.off('end', settle)
        resolve()
      }
      client.connection.once('readyForQuery', settle)
      client.once('end', settle)
    })
  }

  #destroySocket(): Promise<void> {
    const { connection } = this.#client as unknown as { connection: pg.Connection }
    connection.stream.destroy()
    return Promise.resolve()
  }
}

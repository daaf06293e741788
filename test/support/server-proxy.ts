/**
 * Stands between a client and a test server, so that something can go wrong at
 * any message a client sends.
 *
 * Speaks as much of the protocol as it takes to tell messages apart (PostgreSQL
 * manual, "Message Formats"); bytes are passed on unchanged.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { databaseUrl, queryOnce, type TestServer } from './postgres.ts'

/** A message that makes the server do something. */
export interface Request {
  /** `query`: a statement; `parse`: one with parameters; `copyData`, `copyDone`: rows for a COPY. */
  kind: 'query' | 'parse' | 'copyData' | 'copyDone'
  /** Empty for rows. */
  sql: string
  /** The server process that is to get it. */
  backendPid: number
  applicationName: string
}

/**
 * What becomes of a request: it reaches the server; the connection breaks before it does;
 * it breaks when the server has answered and before the client hears of it; or another
 * statement reaches the server.
 */
export type Fate = 'forward' | 'cut' | 'cutAfterwards' | { sql: string }

export type Interceptor = (request: Request) => Fate | Promise<Fate>

const KINDS: Readonly<Record<string, Request['kind']>> = {
  Q: 'query',
  P: 'parse',
  d: 'copyData',
  c: 'copyDone',
}

export class ServerProxy {
  readonly #target: TestServer
  readonly #directory: string
  readonly #listener: Server
  readonly #sockets = new Set<Socket>()
  /** Asked about each request; every one is forwarded while it is undefined. */
  intercept: Interceptor | undefined
  /** New connections end at once. */
  refusesConnections = false

  private constructor(target: TestServer, directory: string, listener: Server) {
    this.#target = target
    this.#directory = directory
    this.#listener = listener
  }

  static async start(target: TestServer): Promise<ServerProxy> {
    const directory = await mkdtemp(join(tmpdir(), 'snap-proxy-'))
    const listener = createServer()
    const proxy = new ServerProxy(target, directory, listener)
    listener.on('connection', (client) => proxy.#serve(client))
    await new Promise<void>((resolve) => {
      listener.listen(join(directory, `.s.PGSQL.${target.port}`), resolve)
    })
    return proxy
  }

  url(databaseName: string): string {
    return databaseUrl({ ...this.#target, host: this.#directory }, databaseName)
  }

  /** Ends a server process as an administrator would, and returns when it has gone. */
  async terminate(backendPid: number): Promise<void> {
    await queryOnce(this.#target, 'postgres', 'SELECT pg_terminate_backend($1, 10000)', [
      backendPid,
    ])
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#listener.close(resolve))
    await rm(this.#directory, { recursive: true, force: true })
  }

  #serve(client: Socket): void {
    if (this.refusesConnections) {
      client.destroy()
      return
    }
    const server = connect(join(this.#target.host, `.s.PGSQL.${this.#target.port}`))
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        server.destroy()
      })
    }
    new Conversation(client, server, (request) => this.intercept?.(request) ?? 'forward')
  }
}

/** One connection and its messages, taken one after the other. */
class Conversation {
  readonly #client: Socket
  readonly #server: Socket
  readonly #intercept: Interceptor
  #pending = Buffer.alloc(0)
  #working: Promise<void> = Promise.resolve()
  #hasStarted = false
  #applicationName = ''
  #backendPid = 0
  /** The beginning of what the server says, until its process id has been found in it. */
  #greeting: Buffer | undefined = Buffer.alloc(0)
  #isMuted = false
  /** What the server has said since then, from the message on that is not whole yet. */
  #unheard: Buffer = Buffer.alloc(0)

  constructor(client: Socket, server: Socket, intercept: Interceptor) {
    this.#client = client
    this.#server = server
    this.#intercept = intercept
    client.on('data', (bytes: Buffer) => {
      this.#pending = Buffer.concat([this.#pending, bytes])
      this.#working = this.#working.then(() => this.#takeMessages())
    })
    client.on('end', () => {
      this.#working = this.#working.then(() => void server.end())
    })
    server.on('data', (bytes: Buffer) => this.#hear(bytes))
    server.on('end', () => client.end())
  }

  /** Looks for BackendKeyData in the server's first words. */
  #hear(bytes: Buffer): void {
    if (this.#greeting !== undefined) {
      this.#greeting = Buffer.concat([this.#greeting, bytes])
      let offset = 0
      while (offset + 5 <= this.#greeting.length) {
        const sizeBytes = this.#greeting.readInt32BE(offset + 1)
        if (this.#greeting[offset] === 0x4b && offset + 9 <= this.#greeting.length) {
          this.#backendPid = this.#greeting.readInt32BE(offset + 5)
          this.#greeting = undefined
          break
        }
        offset += 1 + sizeBytes
      }
    }
    if (!this.#isMuted) this.#client.write(bytes)
    else if (this.#hasAnswered(bytes)) this.#cut()
  }

  /** Tells whether the server is done with what the client shall not hear of, or waits for rows of the client's. */
  #hasAnswered(bytes: Buffer): boolean {
    this.#unheard = Buffer.concat([this.#unheard, bytes])
    while (this.#unheard.length >= 5) {
      const kind = String.fromCharCode(this.#unheard[0]!)
      if (kind === 'Z' || kind === 'G') return true
      const sizeBytes = 1 + this.#unheard.readInt32BE(1)
      if (this.#unheard.length < sizeBytes) return false
      this.#unheard = this.#unheard.subarray(sizeBytes)
    }
    return false
  }

  async #takeMessages(): Promise<void> {
    for (;;) {
      const sizeBytes = this.#sizeOfFirst()
      if (sizeBytes === undefined || this.#pending.length < sizeBytes) return
      const message = this.#pending.subarray(0, sizeBytes)
      this.#pending = this.#pending.subarray(sizeBytes)
      if (!this.#hasStarted) {
        this.#hasStarted = true
        this.#applicationName = /application_name\0([^\0]*)\0/.exec(message.toString())?.[1] ?? ''
        this.#server.write(message)
      } else {
        await this.#pass(message)
      }
    }
  }

  #sizeOfFirst(): number | undefined {
    const offset = this.#hasStarted ? 1 : 0
    if (this.#pending.length < offset + 4) return undefined
    return offset + this.#pending.readInt32BE(offset)
  }

  async #pass(message: Buffer): Promise<void> {
    const kind = KINDS[String.fromCharCode(message[0]!)]
    if (kind === undefined) {
      this.#server.write(message)
      return
    }
    const fate = await this.#intercept({
      kind,
      sql: sqlOf(kind, message),
      backendPid: this.#backendPid,
      applicationName: this.#applicationName,
    })
    if (fate === 'cut') this.#cut()
    else if (fate === 'forward') this.#server.write(message)
    else if (fate === 'cutAfterwards') {
      this.#isMuted = true
      this.#server.write(message)
    } else this.#server.write(queryMessage(fate.sql))
  }

  #cut(): void {
    this.#client.destroy()
    this.#server.destroy()
  }
}

function sqlOf(kind: Request['kind'], message: Buffer): string {
  if (kind === 'copyData' || kind === 'copyDone') return ''
  const body = message.subarray(5)
  const start = kind === 'parse' ? body.indexOf(0) + 1 : 0
  return body.subarray(start, body.indexOf(0, start)).toString()
}

function queryMessage(sql: string): Buffer {
  const text = Buffer.from(`${sql}\0`)
  const message = Buffer.alloc(5)
  message.write('Q')
  message.writeInt32BE(4 + text.length, 1)
  return Buffer.concat([message, text])
}

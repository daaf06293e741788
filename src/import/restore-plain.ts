/**
 * Runs a plain dump of pg_dump, statement by statement, in bounded memory.
 *
 * What stands in it besides SQL is understood or refused by name: rows after a
 * COPY, `\restrict` and `\unrestrict` (pg_dump of 2025 and newer), the
 * `\connect` of a dump with --create.
 */
import { isSnapError, SnapError, throwIfAborted } from '../errors.ts'
import { ScriptReader } from '../migrations/split-script.ts'
import type { Session } from '../postgres/session.ts'
import { findTextDecoder, type TextDecode } from '../schema/server-encoding.ts'
import { byteLines, copyRows, withEncoding } from './byte-lines.ts'
import { ensureRoles, rolesNamedIn } from './dump-roles.ts'

export interface PlainRestoreOptions {
  /** How messages name the dump. */
  file: string
  /** Roles that the server has not are made; else statements that need them are left out. */
  makesRoles: boolean
  /** PostgreSQL's name of what it is written in, until it says so itself; UTF8 when not given. */
  encoding?: string | undefined
  /** Of the server that it was made of, where that is known. */
  serverVersion?: string | undefined
  signal?: AbortSignal | undefined
}

/**
 * @returns  statements that were left out because the server has no such role
 * @throws DUMP_UNREADABLE  it holds something that is no dump of one database, or a statement fails
 */
export async function restorePlain(
  session: Session,
  source: AsyncIterable<Uint8Array>,
  options: PlainRestoreOptions,
): Promise<string[]> {
  return new PlainRestore(session, source, options).run()
}

class PlainRestore {
  readonly #session: Session
  readonly #lines: AsyncGenerator<Buffer>
  readonly #options: PlainRestoreOptions
  readonly #leftOut: string[] = []
  #encoding: string
  #decodeText: TextDecode
  #lineNumber = 0
  #connectCount = 0
  /** Dumps that have begun and not said that they are complete. */
  #openDumpCount = 0

  constructor(session: Session, source: AsyncIterable<Uint8Array>, options: PlainRestoreOptions) {
    this.#session = session
    this.#options = options
    this.#lines = this.#count(byteLines(source))
    this.#encoding = options.encoding ?? 'UTF8'
    this.#decodeText = findTextDecoder(this.#encoding)!
  }

  async run(): Promise<string[]> {
    let pending = ''
    for (;;) {
      throwIfAborted(this.#options.signal, 'importing')
      const next = await this.#lines.next()
      if (next.done) break
      const line = this.#decode(next.value)
      if (pending === '' && line.startsWith('\\')) {
        this.#meetMetaCommand(line.trim())
        continue
      }
      const text = line.trim()
      if (pending === '' && /^(?:--.*)?$/.test(text)) {
        if (text === FIRST_COMMENT) this.#openDumpCount += 1
        else if (text === LAST_COMMENT) this.#openDumpCount -= 1
        continue
      }
      pending += line
      if (!/;\s*(?:--.*)?$/.test(text)) continue
      const statements = readComplete(pending)
      if (statements === undefined) continue
      pending = ''
      for (const statement of statements) await this.#run(statement)
    }
    const rest = new ScriptReader(pending).next()
    if (rest !== undefined) throw this.#unreadable('it ends within a statement')
    if (this.#openDumpCount > 0) {
      throw this.#unreadable(`it ends before its last comment, '${LAST_COMMENT}'`, CUT_OFF_HINT)
    }
    return this.#leftOut
  }

  async *#count(lines: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const line of lines) {
      this.#lineNumber += 1
      yield line
    }
  }

  #decode(line: Buffer): string {
    try {
      return this.#decodeText(line)
    } catch {
      throw this.#unreadable(`it is not ${this.#encoding === 'UTF8' ? 'UTF-8' : this.#encoding}`)
    }
  }

  #meetMetaCommand(text: string): void {
    const name = /^\\\S+/.exec(text)?.[0] ?? text
    if (name === '\\restrict' || name === '\\unrestrict') return
    if (name === '\\connect') {
      this.#connectCount += 1
      if (this.#connectCount === 1) return
      throw this.#unreadable(
        'it holds more than one database',
        'import a dump of each, made with pg_dump',
      )
    }
    throw this.#unreadable(
      `${name} is a command of psql that no pg_dump writes`,
      'run the script with psql in an empty database, and commit that',
    )
  }

  async #run(statement: string): Promise<void> {
    // What --create adds is about the database, and ours has a name of its own.
    if (ABOUT_DATABASE.test(statement)) return
    if (ABOUT_CLUSTER.test(statement)) {
      throw this.#unreadable(
        'it is about roles or tablespaces, as pg_dumpall writes them',
        'import a dump of one database, made with pg_dump',
      )
    }
    const encoding = /^SET client_encoding = '(.*)'$/i.exec(statement)?.[1]
    if (encoding !== undefined) return this.#setEncoding(encoding)
    if (RESTORES_STATISTICS.test(statement)) return
    try {
      await this.#send(statement)
    } catch (error) {
      if (!isSnapError(error) || isSnapError(error, 'ABORTED')) throw error
      if (isMissingRole(error) && !COPY_FROM_STDIN.test(statement)) {
        return this.#runWithRoles(statement, error)
      }
      throw this.#failed(error)
    }
  }

  /** We send statements as UTF-8, whatever the dump is in; the rows go as they are. */
  #setEncoding(encoding: string): void {
    const decode = findTextDecoder(encoding.toUpperCase())
    if (decode === undefined) {
      throw this.#unreadable(
        `its encoding is ${encoding}`,
        'dump with --encoding=UTF8, or restore it and commit the database',
      )
    }
    this.#encoding = encoding.toUpperCase()
    this.#decodeText = decode
  }

  async #send(statement: string): Promise<void> {
    if (!COPY_FROM_STDIN.test(statement)) {
      await this.#session.execute(statement)
      return
    }
    const rows = copyRows(this.#lines, () => {
      const table = /^COPY\s+((?:"(?:[^"]|"")*"|[^\s"(])+)/i.exec(statement)?.[1] ?? ''
      throw this.#unreadable(`it ends within the rows of ${table}`, CUT_OFF_HINT)
    })
    await this.#session.copyIn(withEncoding(statement, this.#encoding), rows)
  }

  async #runWithRoles(statement: string, error: SnapError): Promise<void> {
    const roles = await rolesNamedIn(statement)
    if (!this.#options.makesRoles) {
      this.#leftOut.push(statement)
      return
    }
    if (roles.length === 0) throw this.#failed(error)
    await ensureRoles(this.#session, roles)
    await this.#session.execute(statement).catch((second) => {
      throw isSnapError(second) ? this.#failed(second) : second
    })
  }

  #failed(error: SnapError): SnapError {
    if (isSnapError(error, 'DUMP_UNREADABLE')) return error
    const hint =
      error.hint ?? newerServerHint(this.#session, this.#options.serverVersion) ?? EXTENSION_HINT
    return this.#unreadable(error.message, hint, error)
  }

  #unreadable(reason: string, hint?: string, cause?: unknown): SnapError {
    const { file } = this.#options
    return new SnapError(
      'DUMP_UNREADABLE',
      `cannot import '${file}': line ${this.#lineNumber}: ${reason}`,
      { path: file, reason },
      { cause, ...(hint === undefined ? {} : { hint }) },
    )
  }
}

const COPY_FROM_STDIN = /^COPY\b[\s\S]*\bFROM\s+stdin\b/i
/** Of pg_dump 18 with --statistics: the planner's, which are none of a commit. */
const RESTORES_STATISTICS =
  /^SELECT\s+\*\s+FROM\s+pg_catalog\.pg_restore_(?:relation|attribute|extended)_stats\s*\(/i
const ABOUT_DATABASE = /^(?:(?:CREATE|DROP|ALTER)\s+DATABASE\b|COMMENT\s+ON\s+DATABASE\b)/i
const ABOUT_CLUSTER = /^(?:CREATE|ALTER|DROP)\s+(?:ROLE|GROUP|TABLESPACE|USER(?!\s+MAPPING))\b/i
const FIRST_COMMENT = '-- PostgreSQL database dump'
const LAST_COMMENT = '-- PostgreSQL database dump complete'
const CUT_OFF_HINT = 'the file is cut off: copy it again, or make the dump again'

/** Says so where a dump is of a newer server than that which restores it, and may need what that has not. */
export function newerServerHint(
  { serverMajor }: Session,
  dumpedFrom: string | undefined,
): string | undefined {
  const major = Number.parseInt(dumpedFrom ?? '', 10)
  if (!(major > serverMajor)) return undefined
  return `the dump is of PostgreSQL ${dumpedFrom}, and the server that restores it is ${serverMajor}: name one that is new enough with --scratch`
}

export const EXTENSION_HINT =
  'where the temporary server lacks something (an extension), name a server that has it with --scratch'

/** Statements of a text, when the last of them has its semicolon. */
function readComplete(text: string): string[] | undefined {
  const reader = new ScriptReader(text)
  const statements: string[] = []
  for (let piece = reader.next(); piece !== undefined; piece = reader.next()) {
    statements.push(piece.text)
    if (!reader.isTerminated) return undefined
  }
  return statements
}

function isMissingRole(error: SnapError): boolean {
  return 'sqlState' in error.data && error.data.sqlState === '42704' && /role/.test(error.message)
}

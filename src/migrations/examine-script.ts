/**
 * SQL text → what it would take away. Pure, and it runs nothing.
 *
 * Every statement is judged by what stands in the script and by what is known of
 * the tables; what cannot be judged is a finding too, never silence.
 */
import { findHazards } from './find-hazards.ts'
import type { KnownTables } from './known-tables.ts'
import { noteEffects } from './note-effects.ts'
import {
  bodyTextOf,
  FILLED_IN,
  findProceduralBody,
  listCalledRoutines,
  type ProceduralBody,
} from './procedural-body.ts'
import { ScriptReader } from './split-script.ts'
import type { Hazard, SqlFinding, SqlFindingCode, SqlSeverity } from './sql-finding.ts'
import { asKind, type Node, type SqlParser, SyntaxProblem } from './sql-parser.ts'
import { TextPositions } from './text-positions.ts'

export interface Script {
  /** How findings name it. */
  file: string
  source: string
}

/**
 * Examines one script.
 *
 * @param known  what is known of the tables; what the script makes is added to it, for scripts that run after it
 * @returns      findings in the order of the script
 */
export function examineScript(
  script: Script,
  { parser, known }: { parser: SqlParser; known: KnownTables },
): SqlFinding[] {
  return new Examination(script, parser, known).run()
}

class Examination {
  readonly #file: string
  readonly #source: string
  readonly #parser: SqlParser
  readonly #known: KnownTables
  readonly #positions: TextPositions
  readonly #findings: SqlFinding[] = []
  /** What the functions that the script defines would do when called. */
  readonly #routines = new Map<string, Hazard[]>()
  /** What stands for variables and placeholders while a statement is parsed, and how the script writes them. */
  #placeholders = new Map([[FILLED_IN, COMPUTED_NAME]])
  /** What was found and made when the open transaction began. */
  #transaction: { findingCount: number; made: ReturnType<KnownTables['remember']> } | undefined

  constructor({ file, source }: Script, parser: SqlParser, known: KnownTables) {
    this.#file = file
    this.#source = source
    this.#parser = parser
    this.#known = known
    this.#positions = new TextPositions(source)
  }

  run(): SqlFinding[] {
    const reader = new ScriptReader(this.#source)
    const wayBack = findWayBack(this.#source)
    for (let piece = reader.next(); piece !== undefined; piece = reader.next()) {
      const { offset, text } = piece
      if (wayBack.some(({ start, end }) => offset >= start && offset < end)) continue
      if (piece.kind === 'metaCommand') {
        this.#examineMetaCommand(text, offset)
        if (/^\\copy\b.*\bfrom\s+stdin\b/i.test(text)) reader.skipCopyData()
      } else if (this.#examineStatement(text, offset) === 'dataFollows') {
        reader.skipCopyData()
      }
    }
    return this.#findings
  }

  #examineStatement(text: string, offset: number): 'dataFollows' | undefined {
    const nodes = this.#parse(text)
    if (nodes instanceof SyntaxProblem) {
      const at = offset + codeUnitsOf(text, nodes.characterOffset)
      this.#add({
        ...newHazard(
          'SQL_UNREADABLE',
          'doubt',
          excerptOf(`cannot be read as SQL: ${nodes.message}`),
        ),
        at,
        text,
      })
      return COPY_FROM_STDIN.test(text) ? 'dataFollows' : undefined
    }
    try {
      for (const node of nodes) this.#examineNode(node, text, offset)
    } catch (error) {
      // What the parser can nest, the stack of this process may not hold.
      if (!(error instanceof RangeError)) throw error
      const message = 'is nested too deeply to be looked into'
      this.#add({ ...newHazard('SQL_UNREADABLE', 'doubt', message), at: offset, text })
    }
    return nodes.some(isCopyFromStdin) ? 'dataFollows' : undefined
  }

  #examineNode(node: Node, text: string, offset: number): void {
    this.#noteTransaction(node)
    for (const hazard of [...findHazards(node, this.#known), ...this.#hazardsOfCalls(node)]) {
      const { locationBytes } = hazard
      const isWhole = locationBytes === undefined || isSoleCommand(node)
      const within = isWhole ? 0 : Buffer.from(text).subarray(0, locationBytes).toString().length
      this.#add({ ...hazard, at: offset + within, text })
    }
    const body = findProceduralBody(node, text, this.#parser)
    if (body !== undefined) this.#examineBody(body, { node, text, offset })
    noteEffects(node, this.#known)
  }

  /** Tries the text as it stands, then with psql's variables and the placeholders of migration tools as names. */
  #parse(text: string): Node[] | SyntaxProblem {
    // The parser takes C strings: what follows a zero byte would go unseen.
    const zero = text.indexOf('\0')
    if (zero !== -1) {
      return new SyntaxProblem('there is a zero byte in it', [...text.slice(0, zero)].length)
    }
    this.#placeholders = new Map([[FILLED_IN, COMPUTED_NAME]])
    const nodes = this.#parser.parse(text)
    if (!(nodes instanceof SyntaxProblem)) return nodes
    const withNames = text
      .replaceAll(/(?<![:\w]):(?=['"][A-Za-z_])/g, ' ')
      // With the colon replaced, `id = :id` does not read as `id = id`.
      .replaceAll(/(?<![:\w]):([A-Za-z_]\w*)/g, (written, name: string) => {
        this.#placeholders.set(`_${name}`, written)
        return `_${name}`
      })
      .replaceAll(/\$\{([\w.:-]+)\}/g, (written, name: string) => {
        const placeholder = `__${name.replaceAll(/\W/g, '_')}_`
        this.#placeholders.set(placeholder, written)
        return placeholder
      })
    const second = this.#parser.parse(withNames)
    return second instanceof SyntaxProblem ? nodes : second
  }

  /** What a transaction has done is undone by ROLLBACK. */
  #noteTransaction(node: Node): void {
    switch (asKind(node, 'TransactionStmt')?.kind) {
      case 'TRANS_STMT_BEGIN':
      case 'TRANS_STMT_START':
        this.#transaction ??= {
          findingCount: this.#findings.length,
          made: this.#known.remember(),
        }
        break
      case 'TRANS_STMT_COMMIT':
        this.#transaction = undefined
        break
      case 'TRANS_STMT_ROLLBACK_TO':
        // Which tables go is not followed: none of the transaction's counts as made, and what was found stays.
        if (this.#transaction !== undefined) this.#known.restore(this.#transaction.made)
        break
      case 'TRANS_STMT_ROLLBACK':
        if (this.#transaction === undefined) break
        this.#findings.splice(this.#transaction.findingCount)
        this.#known.restore(this.#transaction.made)
        this.#transaction = undefined
        break
    }
  }

  /** What the functions that a statement calls would do, of those that the script has defined. */
  #hazardsOfCalls(node: Node): Hazard[] {
    return [...new Set(listCalledRoutines(node))].flatMap((name) =>
      (this.#routines.get(unqualified(name)) ?? []).map((hazard) => ({
        ...hazard,
        message: `${name}() is called: ${hazard.message}`,
        locationBytes: undefined,
      })),
    )
  }

  /** The body of a DO block runs at once; that of a function when it is called. */
  #examineBody(
    { routine, statements, problems }: ProceduralBody,
    statement: { node: Node; text: string; offset: number },
  ): void {
    const lineOffset = bodyLines(statement)
    const before = this.#known.remember()
    const found = statements.flatMap(({ nodes, sql, line }) =>
      nodes.flatMap((node) => {
        const hazards = [...findHazards(node, this.#known), ...this.#hazardsOfCalls(node)]
        noteEffects(node, this.#known)
        return hazards.map((hazard) => ({ hazard, sql, line }))
      }),
    )
    // What a function makes is there when it is called, which is not yet.
    if (routine.kind === 'function') this.#known.restore(before)
    for (const { code, line, reason } of problems) {
      const severity = routine.kind === 'do' ? 'doubt' : 'note'
      found.push({ hazard: newHazard(code, severity, reason), sql: statement.text, line })
    }
    found.sort((left, right) => (left.line ?? 0) - (right.line ?? 0))
    if (routine.kind === 'function') {
      const name = unqualified(routine.name)
      // Functions of one name differ by their arguments, which are not followed.
      const others = this.#routines.get(name) ?? []
      this.#routines.set(name, [...others, ...found.map(({ hazard }) => hazard)])
    }
    for (const { hazard, sql, line } of found) {
      const when = routine.kind === 'do' ? '' : `when ${routine.name}() is called, `
      this.#add({
        ...hazard,
        severity: routine.kind === 'do' ? hazard.severity : 'note',
        message: when + hazard.message,
        at: statement.offset + lineOffset(line),
        text: sql,
      })
    }
  }

  #examineMetaCommand(text: string, offset: number): void {
    const [name = '', argument = ''] = text.slice(1).split(/\s+/)
    const add = (code: SqlFindingCode, severity: SqlSeverity, message: string) =>
      this.#add({ ...newHazard(code, severity, message), at: offset, text })
    if (/^(?:i|ir|include|include_relative)$/.test(name)) {
      add(
        'FILE_INCLUDED',
        'doubt',
        `what ${argument} holds was not looked into: name that file too`,
      )
    } else if (name === 'c' || name === 'connect') {
      add('DATABASE_CHANGED', 'note', 'what follows runs in another database')
    } else if (name.startsWith('!')) {
      add('SHELL_COMMAND', 'doubt', 'what a shell command does cannot be told from here')
    } else if (name === 'gexec') {
      add(
        'DYNAMIC_SQL',
        'doubt',
        'the rows of a query are run as SQL: what they say cannot be told from here',
      )
    }
  }

  #asWritten(words: string | null): string | null {
    return [...this.#placeholders].reduce(
      (result: string | null, [placeholder, written]) =>
        result?.replaceAll(placeholder, written) ?? null,
      words,
    )
  }

  #add({ at, text, locationBytes: _, ...hazard }: Hazard & { at: number; text: string }): void {
    const position = this.#positions.at(at)
    const [object, message, statement] = [
      hazard.object,
      withoutSecrets(hazard.message),
      excerptOf(withoutSecrets(text)),
    ].map((words) => this.#asWritten(words))
    // A name that is computed when the script runs is none to show.
    const named = object?.includes(COMPUTED_NAME) ? null : (object ?? null)
    this.#findings.push({
      file: this.#file,
      ...position,
      ...hazard,
      object: named,
      message: message ?? '',
      statement: statement ?? '',
    })
  }
}

const COMPUTED_NAME = '(computed)'

const COPY_FROM_STDIN = /^copy\b[\s\S]*\bfrom\s+stdin\b/i

function isCopyFromStdin(node: Node): boolean {
  const copy = asKind(node, 'CopyStmt')
  return copy?.is_from === true && copy.filename === undefined && copy.is_program !== true
}

/** A finding on a plain statement stands at its first word, one on a part of a larger one at that part. */
function isSoleCommand(node: Node): boolean {
  const altered = asKind(node, 'AlterTableStmt')
  if (altered !== undefined) return (altered.cmds ?? []).length < 2
  const isPlain = ['DeleteStmt', 'UpdateStmt', 'MergeStmt'].some((kind) => kind in node)
  if (isPlain) {
    const [value] = Object.values(node) as { withClause?: unknown }[]
    return value?.withClause === undefined
  }
  const truncated = asKind(node, 'TruncateStmt')
  return truncated !== undefined && (truncated.relations ?? []).length < 2
}

/**
 * The parts of a file that a migration tool runs only to go back: after `-- migrate:down` (dbmate)
 * and `-- +goose Down`.
 */
export function findWayBack(source: string): { start: number; end: number }[] {
  const marks = [...source.matchAll(/^[ \t]*--[ \t]*(?:migrate:|\+goose[ \t]+)(up|down)\b/gim)]
  return marks.flatMap((mark, position) =>
    mark[1]!.toLowerCase() === 'down'
      ? [{ start: mark.index, end: marks[position + 1]?.index ?? source.length }]
      : [],
  )
}

/** Returns where in a statement a line of its body begins; the statement's beginning where that cannot be told. */
function bodyLines({
  node,
  text,
}: {
  node: Node
  text: string
}): (line: number | undefined) => number {
  const options = asKind(node, 'DoStmt')?.args ?? asKind(node, 'CreateFunctionStmt')?.options ?? []
  const as = options
    .map((option) => asKind(option, 'DefElem'))
    .find((each) => each?.defname === 'as')
  const body = bodyTextOf(as?.arg)
  // A body in plain quotes may be written with escapes; then only the statement's own place is known.
  const start = body === '' ? -1 : text.indexOf(body)
  return (line) => {
    if (line === undefined || start === -1) return 0
    const lines = body.split('\n')
    const lineStart = lines.slice(0, line - 1).join('\n').length + (line > 1 ? 1 : 0)
    const indent = /^\s*/.exec(lines[line - 1] ?? '')![0].length
    return start + lineStart + indent
  }
}

function newHazard(code: SqlFindingCode, severity: SqlSeverity, message: string): Hazard {
  return { code, severity, object: null, rowCount: null, message, locationBytes: undefined }
}

function unqualified(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

/** Returns how many UTF-16 code units the first `count` characters take. */
function codeUnitsOf(text: string, count: number): number {
  return [...text].slice(0, count).join('').length
}

/** Findings end up in the logs of CI: what a script sets as a password stays out of them. */
function withoutSecrets(text: string): string {
  return (
    text
      .replaceAll(
        /(\bpassword\s*(?:=\s*)?)(?:E?'(?:[^'\\]|\\.|'')*'?|(?<==\s*)[^\s'"]+)/gi,
        "$1'…'",
      )
      .replaceAll(/(:\/\/[^\s:@/'"]+:)[^\s@'"]+@/g, '$1…@')
      // The parser quotes the token at which it stopped.
      .replace(/ at or near "E?'.*$/is, ' at or near a string')
  )
}

const MAX_EXCERPT_CHARACTERS = 100

function excerptOf(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  const characters = [...line]
  if (characters.length <= MAX_EXCERPT_CHARACTERS) return line
  return `${characters.slice(0, MAX_EXCERPT_CHARACTERS - 1).join('')}…`
}

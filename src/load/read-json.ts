/**
 * Rows from JSON: an array of objects, or an object on each line.
 *
 * A file is read twice: objects need not all have the same keys, and which there
 * are has to be known before the first row is loaded. Numbers keep their digits;
 * as JavaScript's they would lose some of a bigint's or a numeric's.
 */
import { Tokenizer, TokenParser } from '@streamparser/json'
import { SnapError } from '../errors.ts'
import { decodeText, type RowSource } from './decode-text.ts'
import type { FileRecord, Records } from './records.ts'

/** A number as the file writes it. */
export class JsonNumber {
  readonly source: string

  constructor(source: string) {
    this.source = source
  }
}

/**
 * Reads JSON, streaming.
 *
 * @throws INPUT_UNREADABLE  it is neither an array nor lines of objects, ends too early, is no
 *                           JSON, or is empty though `json` should be one document
 */
export async function readJson(
  source: RowSource,
  format: 'json' | 'jsonl',
  encoding: string,
): Promise<Records> {
  const parse = () => parseObjects(source, format, encoding)
  const columns = new Set<string>()
  let [isEmpty, hasObjects] = [true, false]
  for await (const { value } of parse()) {
    isEmpty = false
    hasObjects ||= value !== null
    for (const name of Object.keys(value ?? {})) columns.add(name)
  }
  if (!isEmpty && !hasObjects) {
    throw unreadable(source, 'it is neither an array of objects nor an object on each line')
  }
  const names = [...columns]
  return { columns: names, isEmpty, rows: alignValues(parse(), names) }
}

interface ParsedObject {
  rowNumber: number
  lineNumber?: number
  value: Record<string, unknown> | null
  problem: string | null
}

async function* alignValues(
  objects: AsyncIterable<ParsedObject>,
  names: readonly string[],
): AsyncGenerator<FileRecord> {
  for await (const { value, ...row } of objects) {
    const values = value === null ? [] : names.map((name) => value[name] ?? null)
    yield { ...row, values }
  }
}

async function* parseObjects(
  source: RowSource,
  format: 'json' | 'jsonl',
  encoding: string,
): AsyncGenerator<ParsedObject, void, undefined> {
  const pieces = decodeText(source, encoding)
  let head = ''
  for (;;) {
    const next = await pieces.next()
    if (next.done) break
    head += next.value
    if (head.trim() !== '') break
  }
  const text = prepend(head, pieces)
  const first = head.trimStart()[0]
  if (first === '[') yield* parseArray(source, text)
  else if (first === '{') yield* parseLines(text)
  else if (first !== undefined) throw unreadable(source, 'it is neither an array nor an object')
  // No lines are no rows; a document of JSON is never nothing.
  else if (format === 'json') throw unreadable(source, 'it is empty')
}

async function* prepend(head: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield head
  yield* rest
}

async function* parseArray(
  source: RowSource,
  pieces: AsyncIterable<string>,
): AsyncGenerator<ParsedObject> {
  let rowNumber = 0
  const ready: ParsedObject[] = []
  const parser = newParser(['$.*'], (value) => {
    rowNumber += 1
    ready.push(toObject(rowNumber, value))
  })
  try {
    for await (const piece of pieces) {
      parser.write(piece)
      yield* ready.splice(0)
    }
    parser.end()
  } catch (error) {
    if (error instanceof SnapError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw unreadable(source, `after row ${rowNumber} it is no JSON, or ends: ${reason}`, error)
  }
  if (!parser.isEnded())
    throw unreadable(source, `it ends after row ${rowNumber}, within the array`)
}

async function* parseLines(pieces: AsyncIterable<string>): AsyncGenerator<ParsedObject> {
  let rest = ''
  let rowNumber = 0
  let lineNumber = 0
  const parseLine = (line: string): ParsedObject[] => {
    lineNumber += 1
    if (line.trim() === '') return []
    rowNumber += 1
    const broken = { rowNumber, lineNumber, value: null }
    const found: unknown[] = []
    try {
      const parser = newParser(['$'], (value) => found.push(value))
      parser.write(line)
      parser.end()
      if (!parser.isEnded()) return [{ ...broken, problem: 'the line ends too early' }]
    } catch {
      return [{ ...broken, problem: 'is no JSON' }]
    }
    return [{ ...toObject(rowNumber, found[0]), lineNumber }]
  }
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop()!
    for (const line of lines) yield* parseLine(line)
  }
  yield* parseLine(rest)
}

function toObject(rowNumber: number, value: unknown): ParsedObject {
  const isObject =
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof JsonNumber)
  return isObject
    ? { rowNumber, value: value as Record<string, unknown>, problem: null }
    : { rowNumber, value: null, problem: 'is no object' }
}

class ExactTokenizer extends Tokenizer {
  /** The library types what it hands on as a number, and only carries it. */
  protected override parseNumber(text: string): number {
    return new JsonNumber(text) as unknown as number
  }
}

function newParser(paths: string[], onValue: (value: unknown) => void) {
  const tokenizer = new ExactTokenizer()
  const values = new TokenParser({ paths, keepStack: false })
  tokenizer.onToken = (token) => values.write(token)
  values.onValue = ({ value }) => onValue(value)
  let isComplete = false
  values.onEnd = () => {
    isComplete = true
  }
  return {
    write: (text: string) => tokenizer.write(text),
    end: () => tokenizer.end(),
    isEnded: () => isComplete,
  }
}

/** Returns JSON for a value of such a file, numbers with all their digits. */
export function formatJson(value: unknown): string {
  if (value instanceof JsonNumber) return value.source
  if (Array.isArray(value)) return `[${value.map(formatJson).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(
      ([key, inner]) => `${JSON.stringify(key)}:${formatJson(inner)}`,
    )
    return `{${members.join(',')}}`
  }
  return JSON.stringify(value)
}

function unreadable(source: RowSource, reason: string, cause?: unknown): SnapError {
  const path = source.path
  return new SnapError('INPUT_UNREADABLE', `cannot read '${path}': ${reason}`, { path }, { cause })
}

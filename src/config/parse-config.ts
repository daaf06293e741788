/**
 * Text of a configuration file → configuration. Pure.
 */
import { type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'
import type { Condition } from '../alarms/condition.ts'
import { parseCondition } from '../alarms/parse-condition.ts'
import {
  DEFAULT_TABLE_RULES,
  type PatternRules,
  type Rules,
  type TableRules,
} from '../alarms/rules.ts'
import { type ConfigProblem, isSnapError, SnapError } from '../errors.ts'
import { type Config, DEFAULT_CONFIG, type MigrateConfig, type ProtectedPattern } from './config.ts'
import {
  boolean,
  listOf,
  mapOf,
  object,
  type Problem,
  type Reader,
  refuse,
  text,
  value,
} from './json-reader.ts'
import { sources } from './read-sources.ts'

/**
 * Parses JSON with comments and trailing commas; sections that are not there have their defaults.
 *
 * @param file  how messages name the file
 * @throws CONFIG_INVALID  with every problem, in the order of the file
 */
export function parseConfig(source: string, file: string): Config {
  // Editors on Windows put a byte order mark before JSON; it is no part of it.
  const json = source.replace(/^\uFEFF/, ' ')
  const syntaxErrors: ParseError[] = []
  const root = parseTree(json, syntaxErrors, { allowTrailingComma: true })
  // Nothing but comments is a syntax error as well: a value is missing.
  if (root === undefined || syntaxErrors.length > 0) {
    const problems = syntaxErrors.map(({ error, offset }) => {
      const message = SYNTAX_ERRORS[printParseErrorCode(error)] ?? 'is not JSON from here on'
      return { offset, path: '', message }
    })
    throw invalid(json, file, problems)
  }
  const problems: Problem[] = []
  const config = readConfig({ node: root, path: '', problems })
  if (problems.length > 0) throw invalid(json, file, problems)
  return config
}

/** By jsonc-parser's own names. */
const SYNTAX_ERRORS: Readonly<Record<string, string>> = {
  InvalidSymbol: 'a value must be in quotes, a number, true, false or null',
  InvalidNumberFormat: 'this is not a number',
  PropertyNameExpected: 'a key in double quotes is expected here',
  ValueExpected: 'a value is expected here',
  ColonExpected: 'a colon is expected here',
  CommaExpected: 'a comma is expected here',
  CloseBraceExpected: 'a closing brace is expected here',
  CloseBracketExpected: 'a closing bracket is expected here',
  EndOfFileExpected: 'the file should end here',
  UnexpectedEndOfComment: 'this comment does not end',
  UnexpectedEndOfString: 'this string does not end',
  UnexpectedEndOfNumber: 'this number does not end',
}

/** A share of 0 to 100, or false for "any". */
const maxLossPercent: Reader<number | null> = (place) => {
  const { value } = place.node
  if (value === false) return null
  if (typeof value === 'number' && value >= 0 && value <= 100) return value
  refuse(place, 'a number from 0 to 100, or false')
  return null
}

const tableRules = object<TableRules>({
  maxLossPercent,
  mayShrink: boolean,
  mayDelete: boolean,
  mayUpdate: boolean,
  mayGo: boolean,
  mayLoseColumns: boolean,
})

const patternRules: Reader<PatternRules[]> = (place) =>
  mapOf(tableRules)(place).map(({ key, value }) => ({ pattern: key, rules: value }))

const condition: Reader<Condition | null> = (place) => {
  if (typeof place.node.value !== 'string') {
    refuse(place, "a condition ('orders.deleted > 100')")
    return null
  }
  try {
    return parseCondition(place.node.value)
  } catch (error) {
    if (!isSnapError(error, 'CONDITION_INVALID')) throw error
    const { condition: written, offset, reason } = error.data
    place.problems.push({
      offset: place.node.offset,
      path: place.path,
      message: `cannot be read at character ${offset + 1} of '${written}': ${reason}`,
    })
    return null
  }
}

interface RulesSection {
  default: Partial<TableRules>
  tables: PatternRules[]
  alarmIf: (Condition | null)[]
}

const rules: Reader<Rules> = (place) => {
  const found = object<RulesSection>({
    default: tableRules,
    tables: patternRules,
    alarmIf: listOf(condition, 'a list of conditions'),
  })(place)
  return {
    default: { ...DEFAULT_TABLE_RULES, ...found.default },
    tables: found.tables ?? [],
    alarmIf: (found.alarmIf ?? []).filter((parsed) => parsed !== null),
  }
}

const protectedPattern: Reader<ProtectedPattern> = (place) => {
  const found = object<{ host: string; database: string; address: string }>({
    host: text,
    database: text,
    address: text,
  })(place)
  const isEmpty = found.host === undefined && found.database === undefined
  if (place.node.type === 'object' && isEmpty && found.address === undefined) {
    place.problems.push({
      offset: place.node.offset,
      path: place.path,
      message: 'must have a host, a database or an address: as it is, it means no database',
    })
  }
  // Whoever pastes a URL here would put a password into a file that is committed.
  if (found.address !== undefined && /:\/\/|:[^/@]*@/.test(found.address)) {
    place.problems.push({
      offset: place.node.offset,
      path: `${place.path}.address`,
      message: "must be written as 'user@host:port/database', without a scheme or a password",
    })
  }
  return {
    host: found.host ?? null,
    database: found.database ?? null,
    address: found.address ?? null,
  }
}

/** PostgreSQL cuts a longer name short, and would not find the table again under the whole one. */
const MAX_IDENTIFIER_BYTES = 63

const identifier = value(
  (found): found is string =>
    typeof found === 'string' &&
    found !== '' &&
    !found.includes('\0') &&
    Buffer.byteLength(found) <= MAX_IDENTIFIER_BYTES,
  `a name of 1 to ${MAX_IDENTIFIER_BYTES} bytes`,
  '',
)

const migrate = object<MigrateConfig>({ directory: text, schema: identifier, table: identifier })

/** What is written here is committed with the project, and messages must not repeat a password. */
const database: Reader<string | null> = (place) => {
  const found: unknown = place.node.value
  const isGiven = typeof found === 'string' && found !== ''
  if (isGiven && !/:\/\/[^@]*:[^@]*@|password/i.test(found)) return found
  place.problems.push({
    offset: place.node.offset,
    path: place.path,
    message: "must be a place such as 'compose.yaml#db', or an address without a password",
  })
  return null
}

const readConfig: Reader<Config> = (place) => {
  const found = object<
    Omit<Config, 'migrate'> & { migrate: Partial<MigrateConfig>; $schema: string }
  >({
    // Editors look for it; snap does not.
    $schema: text,
    database,
    rules,
    migrations: listOf(text, 'a list of file patterns'),
    migrate,
    protected: listOf(protectedPattern, 'a list of databases'),
    unprotected: listOf(protectedPattern, 'a list of databases'),
    sources,
  })(place)
  const { rules: ownRules, migrations, protected: ownProtected, unprotected } = found
  return {
    database: found.database ?? null,
    rules: ownRules ?? DEFAULT_CONFIG.rules,
    migrations: migrations ?? DEFAULT_CONFIG.migrations,
    migrate: { ...DEFAULT_CONFIG.migrate, ...found.migrate },
    protected: ownProtected ?? DEFAULT_CONFIG.protected,
    unprotected: unprotected ?? DEFAULT_CONFIG.unprotected,
    sources: found.sources ?? DEFAULT_CONFIG.sources,
  }
}

function invalid(json: string, file: string, problems: readonly Problem[]): SnapError {
  const located: ConfigProblem[] = [...problems]
    .sort((left, right) => left.offset - right.offset)
    .map(({ offset, path, message }) => ({ ...positionOf(json, offset), key: path, message }))
  const [only, ...others] = located
  const message =
    only !== undefined && others.length === 0
      ? formatConfigProblem(file, only)
      : `'${file}' has ${located.length} problems`
  return new SnapError(
    'CONFIG_INVALID',
    message,
    { file, problems: located },
    {
      hint: located.some(({ key }) => key.startsWith('sources'))
        ? "'snap help commit' says what may stand in it"
        : "'snap help check' says what may stand in it",
    },
  )
}

/** Returns `snap.config.json:7:5: rules.default.mayGo must be true or false, found 1`. */
export function formatConfigProblem(
  file: string,
  { line, column, key, message }: ConfigProblem,
): string {
  return `${file}:${line}:${column}: ${key === '' ? '' : `${key} `}${message}`
}

/** 1-based, in characters as editors count them. */
function positionOf(source: string, offset: number): { line: number; column: number } {
  const before = source.slice(0, offset).split(/\r\n|\r|\n/)
  return { line: before.length, column: [...before.at(-1)!].length + 1 }
}

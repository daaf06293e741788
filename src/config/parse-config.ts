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
  described,
  listOf,
  mapOf,
  object,
  type Place,
  type Problem,
  type Reader,
  reader,
  refuse,
  text,
  value,
} from './json-reader.ts'
import { aliases } from './read-aliases.ts'
import { sources } from './read-sources.ts'
import type { ValueSchema } from './value-schema.ts'

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
const maxLossPercent: Reader<number | null> = reader(
  { anyOf: [{ type: 'number', minimum: 0, maximum: 100 }, { const: false }] },
  (place) => {
    const { value } = place.node
    if (value === false) return null
    if (typeof value === 'number' && value >= 0 && value <= 100) return value
    refuse(place, 'a number from 0 to 100, or false')
    return null
  },
)

const LOSS_MEANING = 'How many percent of its rows a table may have fewer than before; false: any.'
const SHRINK_MEANING = 'Whether it may have fewer rows at all.'
const DELETE_MEANING = 'Whether it may lose rows, whatever comes instead.'

const tableRules = object<TableRules>({
  maxLossPercent: described(maxLossPercent, LOSS_MEANING),
  mayShrink: described(boolean, SHRINK_MEANING),
  mayDelete: described(boolean, DELETE_MEANING),
  mayUpdate: described(boolean, 'Whether rows may be changed.'),
  mayGo: described(boolean, 'Whether it may be dropped.'),
  mayLoseColumns: described(boolean, 'Whether columns of it may be dropped.'),
})

const { maxLossPercent: defaultLossPercent, ...defaultRules } = DEFAULT_TABLE_RULES

const ruleDefaults: ValueSchema = {
  ...tableRules.schema,
  properties: Object.fromEntries(
    Object.entries(tableRules.schema.properties ?? {}).map(([name, schema]) => [
      name,
      {
        ...schema,
        default: { ...defaultRules, maxLossPercent: defaultLossPercent ?? false }[name],
      },
    ]),
  ),
}

const ruleMap = mapOf(tableRules, { name: 'table' })

const patternRules: Reader<PatternRules[]> = reader(ruleMap.schema, (place) =>
  ruleMap(place).map(({ key, value }) => ({ pattern: key, rules: value })),
)

const condition: Reader<Condition | null> = reader({ type: 'string', minLength: 1 }, (place) => {
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
})

interface RulesSection {
  default: Partial<TableRules>
  tables: PatternRules[]
  alarmIf: (Condition | null)[]
}

const rulesSection = object<RulesSection>({
  default: described(
    reader(ruleDefaults, tableRules),
    'For every table; these hold without a file.',
  ),
  tables: described(
    patternRules,
    'For tables by name or pattern, as psql has them; of two that match, the later counts.',
  ),
  alarmIf: described(
    listOf(condition, 'a list of conditions'),
    "Conditions that must not come true: 'orders.deleted > before * 10%'. See snap help alarms.",
    [],
  ),
})

const rules: Reader<Rules> = reader(rulesSection.schema, (place) => {
  const found = rulesSection(place)
  return {
    default: { ...DEFAULT_TABLE_RULES, ...found.default },
    tables: found.tables ?? [],
    alarmIf: (found.alarmIf ?? []).filter((parsed) => parsed !== null),
  }
})

const patternParts = object<{ host: string; database: string; address: string }>({
  host: described(text, 'Of the server; * stands for any characters.'),
  database: described(text, 'Its name; * stands for any characters.'),
  address: described(text, 'user@host:port/database; * stands for any characters.'),
})

const protectedPattern: Reader<ProtectedPattern> = reader(
  { ...patternParts.schema, minProperties: 1 },
  (place) => {
    const found = patternParts(place)
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
      database: found.database || null,
      address: found.address ?? null,
    }
  },
)

/** PostgreSQL cuts a longer name short, and would not find the table again under the whole one. */
const MAX_IDENTIFIER_BYTES = 63

const identifier = value(
  { type: 'string', minLength: 1 },
  (found): found is string =>
    typeof found === 'string' &&
    found !== '' &&
    !found.includes('\0') &&
    Buffer.byteLength(found) <= MAX_IDENTIFIER_BYTES,
  { expected: `a name of 1 to ${MAX_IDENTIFIER_BYTES} bytes`, instead: '' },
)

const { migrate: migrateDefaults } = DEFAULT_CONFIG

const migrate = object<MigrateConfig>({
  directory: described(
    text,
    'Where the .sql files of snap migrate are; relative to this file.',
    migrateDefaults.directory,
  ),
  schema: described(identifier, 'Of the history table.', migrateDefaults.schema),
  table: described(identifier, 'The history table.', migrateDefaults.table),
})

/** What is written here is committed with the project, and messages must not repeat a password. */
const database = reader<string>({ type: 'string', minLength: 1 }, (place) => {
  const found: unknown = place.node.value
  const isGiven = typeof found === 'string' && found !== ''
  if (isGiven && !/:\/\/[^@]*:[^@]*@|password/i.test(found)) return found
  place.problems.push({
    offset: place.node.offset,
    path: place.path,
    message: "must be a place such as 'compose.yaml#db', or an address without a password",
  })
  return ''
})

type Sections = Omit<Config, 'migrate' | 'database'> & {
  database: string
  migrate: Partial<MigrateConfig>
  $schema: string
}

const sections = object<Sections>({
  $schema: described(text, 'A JSON Schema of this file, for editors; snap does not look at it.'),
  database: described(
    database,
    'Which of several databases is meant: the place in the project that names it, or an address without a password.',
  ),
  rules: described(rules, 'What may happen to tables without an alarm.'),
  migrations: described(
    listOf(text, 'a list of file patterns'),
    'Patterns of migration files that snap check --pending looks into.',
    [],
  ),
  migrate: described(migrate, 'For snap migrate.'),
  protected: described(
    listOf(protectedPattern, 'a list of databases'),
    'Databases whose name is typed before they are overwritten; all that is given must match.',
    [],
  ),
  unprotected: described(
    listOf(protectedPattern, 'a list of databases'),
    'Databases that look like production, and are none.',
    [],
  ),
  sources: described(sources, 'Other datastores that commits hold, by names of your own.'),
  hints: described(boolean, 'Whether commands say what to do next.', DEFAULT_CONFIG.hints),
  alias: described(aliases, 'Command lines by names of your own: snap NAME stands for them.'),
})

/** What may stand in a configuration file: its documentation and its schema for editors are this. */
export const CONFIG_SCHEMA: ValueSchema = sections.schema

const readConfig = (place: Place): Config => {
  const found = sections(place)
  const { rules: ownRules, migrations, protected: ownProtected, unprotected } = found
  return {
    database: found.database ?? null,
    rules: ownRules ?? DEFAULT_CONFIG.rules,
    migrations: migrations ?? DEFAULT_CONFIG.migrations,
    migrate: { ...DEFAULT_CONFIG.migrate, ...found.migrate },
    protected: ownProtected ?? DEFAULT_CONFIG.protected,
    unprotected: unprotected ?? DEFAULT_CONFIG.unprotected,
    sources: found.sources ?? DEFAULT_CONFIG.sources,
    hints: found.hints ?? DEFAULT_CONFIG.hints,
    alias: found.alias ?? DEFAULT_CONFIG.alias,
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
    { hint: "'snap help config' says what may stand in it" },
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

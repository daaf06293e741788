/**
 * Which schema entries can be renamed or moved, and how they are named. Pure.
 */
import type { SchemaEntry } from '../format/values.ts'
import { qualifiedName } from '../postgres/quote.ts'
import { unquoteIdentifier } from '../schema/sql-text.ts'

interface Renamable {
  /** As ALTER calls it. */
  words: string
  /** Where its name has to differ from others in its namespace. */
  spaces: readonly string[]
}

const relation = (words: string): Renamable => ({ words, spaces: ['relation'] })
/** A relation whose rows are a type of the same name. */
const relationWithType = (words: string): Renamable => ({ words, spaces: ['relation', 'type'] })
const routine = (words: string): Renamable => ({ words, spaces: ['routine'] })
const ofItsOwn = (words: string): Renamable => ({ words, spaces: [words] })

/**
 * What others stand on, so that dropping it would cost rows, indexes or statistics.
 * Triggers, policies and rules are not among them: to create one again costs nothing.
 */
const RENAMABLE: Readonly<Record<string, Renamable>> = {
  TABLE: relationWithType('TABLE'),
  'FOREIGN TABLE': relationWithType('FOREIGN TABLE'),
  VIEW: relationWithType('VIEW'),
  'MATERIALIZED VIEW': relationWithType('MATERIALIZED VIEW'),
  SEQUENCE: relation('SEQUENCE'),
  INDEX: relation('INDEX'),
  // A constraint takes its index's name.
  CONSTRAINT: relation('INDEX'),
  TYPE: { words: 'TYPE', spaces: ['type'] },
  DOMAIN: { words: 'DOMAIN', spaces: ['type'] },
  FUNCTION: routine('FUNCTION'),
  PROCEDURE: routine('PROCEDURE'),
  AGGREGATE: routine('AGGREGATE'),
  COLLATION: ofItsOwn('COLLATION'),
  STATISTICS: ofItsOwn('STATISTICS'),
  'TEXT SEARCH CONFIGURATION': ofItsOwn('TEXT SEARCH CONFIGURATION'),
  'TEXT SEARCH DICTIONARY': ofItsOwn('TEXT SEARCH DICTIONARY'),
}

export const isRoutine = ({ kind }: SchemaEntry) =>
  RENAMABLE[kind]?.spaces.includes('routine') ?? false

/** Returns undefined for what is not renamed, or has no name of its own. */
export function renamableOf(entry: SchemaEntry): Renamable | undefined {
  const { kind, definition, namespace } = entry
  if (namespace === null || objectName(entry) === undefined) return undefined
  // A not-null constraint that is not valid yet has no index.
  if (kind === 'CONSTRAINT' && !/ (?:PRIMARY KEY|UNIQUE|EXCLUDE) /.test(definition ?? '')) {
    return undefined
  }
  if (kind === 'TYPE' && /^CREATE TYPE \S+ AS \(/.test(definition ?? '')) {
    return relationWithType('TYPE')
  }
  return RENAMABLE[kind]
}

/** Names an object the way ALTER wants it. */
export function alterPrefix(
  { words }: Renamable,
  place: { namespace: string; name: string },
  suffix = '',
): string {
  return `ALTER ${words} ${qualifiedName(place)}${suffix}`
}

export interface ObjectName {
  name: string
  /** The argument list of a function, parentheses included. */
  suffix?: string
}

const IDENTIFIER = String.raw`(?:"(?:[^"]|"")*"|[\p{L}_][\p{L}\p{N}_$]*)`
const QUALIFIED = `${IDENTIFIER}\\.${IDENTIFIER}`
const ROUTINE = new RegExp(`^DROP [A-Z]+ ${IDENTIFIER}\\.(${IDENTIFIER})(\\(.*\\));?$`, 'su')
const CONSTRAINT = new RegExp(
  `^ALTER TABLE (?:IF EXISTS )?(?:ONLY )?(${QUALIFIED}) DROP CONSTRAINT (${IDENTIFIER});?$`,
  'u',
)

const OWNED_BY = new RegExp(` OWNED BY (${IDENTIFIER})\\.(${IDENTIFIER})\\.${IDENTIFIER};?$`, 'u')

/** The name that an object has in its namespace; its entry's may say more. */
export function objectName(entry: SchemaEntry): ObjectName | undefined {
  const dropStatement = entry.dropStatement?.trim() ?? ''
  if (isRoutine(entry)) {
    const [, name, suffix] = ROUTINE.exec(dropStatement) ?? []
    return name === undefined ? undefined : { name: unquoteIdentifier(name), suffix: suffix! }
  }
  if (entry.kind === 'CONSTRAINT') {
    const name = constraintName(entry)
    return name === undefined ? undefined : { name }
  }
  return { name: entry.name }
}

/** The name that a constraint has among those of its table. */
export function constraintName({ dropStatement }: SchemaEntry): string | undefined {
  const name = CONSTRAINT.exec(dropStatement?.trim() ?? '')?.[2]
  return name === undefined ? undefined : unquoteIdentifier(name)
}

/** Returns the table that a sequence belongs to, as `namespace NUL name`. */
export function ownerOfSequence(definition: string): string | undefined {
  const [, namespace, name] = OWNED_BY.exec(definition.trim()) ?? []
  if (namespace === undefined || name === undefined) return undefined
  return `${unquoteIdentifier(namespace)}\0${unquoteIdentifier(name)}`
}

/** How messages name a constraint's table: its entry's name is the table's and its own. */
export const tableOfConstraint = (entry: SchemaEntry): string | undefined => {
  const name = constraintName(entry)
  const isSuffix = name !== undefined && entry.name.endsWith(` ${name}`)
  return isSuffix ? entry.name.slice(0, -name.length - 1) : undefined
}

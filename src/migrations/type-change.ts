/**
 * What becomes of a column's values when its type is changed. Pure.
 *
 * `ALTER COLUMN … TYPE` converts by assignment casts (manual, "ALTER TABLE"):
 * some round or cut without a word, some stop at the first value that does not fit.
 */
import type { Node, TypeName } from './sql-parser.ts'
import { asKind, namesOf } from './sql-parser.ts'

export interface SqlType {
  /** PostgreSQL's own name, without `pg_catalog`: `int4`, `varchar`, `public.mood`. */
  name: string
  /** Length, or precision and scale; empty where none was given. */
  modifiers: number[]
  isArray: boolean
}

/**
 * `keeps`: every value survives. `loses`: some are changed in silence.
 * `refuses`: the statement fails when a value does not fit. `unknown`: types that are not known here.
 */
export type TypeChange = 'keeps' | 'loses' | 'refuses' | 'unknown'

/** Reads a type as the parser gives it; undefined for what a column cannot have. */
export function toSqlType(typeName: TypeName | undefined): SqlType | undefined {
  if (typeName === undefined) return undefined
  const names = namesOf(typeName.names).filter((name) => name !== 'pg_catalog')
  const name = names.join('.')
  if (name === '') return undefined
  const isArray = (typeName.arrayBounds ?? []).length > 0 || name.startsWith('_')
  return {
    name: name.replace(/^_/, ''),
    modifiers: (typeName.typmods ?? []).flatMap(integerOf),
    isArray,
  }
}

function integerOf(node: Node): number[] {
  const constant = asKind(node, 'A_Const')
  // Zero is left out by the parser, as every default of its messages is.
  if (constant?.ival !== undefined) return [constant.ival.ival ?? 0]
  const negated = asKind(node, 'A_Expr')?.rexpr
  return negated === undefined ? [] : integerOf(negated).map((value) => -value)
}

/**
 * Compares a column's type with the one it gets.
 *
 * @param from            undefined where nobody knows it
 * @param isExplicitCast  `USING column::type`, which cuts strings that a plain change refuses
 */
export function compareTypes(
  from: SqlType | undefined,
  to: SqlType,
  isExplicitCast = false,
): TypeChange {
  if (isUnlimitedText(to)) return 'keeps'
  if (from === undefined) return 'unknown'
  if (from.isArray !== to.isArray) return 'unknown'
  const change = compareScalars(from, to)
  const cutsWhenCast = FAMILY[to.name] === 'string' || FAMILY[to.name] === 'bits'
  return change === 'refuses' && isExplicitCast && cutsWhenCast ? 'loses' : change
}

type Family = 'integer' | 'numeric' | 'float' | 'string' | 'bits' | 'moment' | 'json' | 'network'

const FAMILY: Readonly<Record<string, Family>> = {
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  numeric: 'numeric',
  float4: 'float',
  float8: 'float',
  text: 'string',
  varchar: 'string',
  bpchar: 'string',
  bit: 'bits',
  varbit: 'bits',
  date: 'moment',
  time: 'moment',
  timetz: 'moment',
  timestamp: 'moment',
  timestamptz: 'moment',
  interval: 'moment',
  json: 'json',
  jsonb: 'json',
  inet: 'network',
  cidr: 'network',
}

/** Decimal digits of the largest value. */
const INTEGER_DIGITS: Readonly<Record<string, number>> = { int2: 5, int4: 10, int8: 19 }
/** Decimal digits that come back as they went in. */
const FLOAT_DIGITS: Readonly<Record<string, number>> = { float4: 6, float8: 15 }

function compareScalars(from: SqlType, to: SqlType): TypeChange {
  const isSame = from.name === to.name && from.modifiers.join() === to.modifiers.join()
  if (isSame) return 'keeps'
  const [fromFamily, toFamily] = [FAMILY[from.name], FAMILY[to.name]]
  if (toFamily === 'string') return compareWithString(from, to)
  if (fromFamily === 'string') return toFamily === undefined ? 'unknown' : 'refuses'
  switch (fromFamily) {
    case 'integer':
      return compareInteger(from, to)
    case 'numeric':
      return compareNumeric(from, to)
    case 'float':
      return from.name === 'float4' && to.name === 'float8' ? 'keeps' : knownOr(toFamily, 'loses')
    case 'bits':
      return compareLengths(from, to)
    case 'moment':
      return compareMoments(from, to)
    case 'json':
      return toFamily === 'json' ? 'keeps' : 'unknown'
    case 'network':
      return to.name === 'inet' ? 'keeps' : to.name === 'cidr' ? 'loses' : 'unknown'
    default:
      return 'unknown'
  }
}

function isUnlimitedText({ name, modifiers, isArray }: SqlType): boolean {
  return !isArray && (name === 'text' || (name === 'varchar' && modifiers.length === 0))
}

function compareInteger(from: SqlType, to: SqlType): TypeChange {
  const digits = INTEGER_DIGITS[from.name]!
  switch (FAMILY[to.name]) {
    case 'integer':
      return INTEGER_DIGITS[to.name]! >= digits ? 'keeps' : 'refuses'
    case 'numeric': {
      const [precision, scale = 0] = to.modifiers
      return precision === undefined || precision - scale >= digits ? 'keeps' : 'refuses'
    }
    case 'float':
      return FLOAT_DIGITS[to.name]! >= digits ? 'keeps' : 'loses'
    default:
      return 'unknown'
  }
}

function compareNumeric(from: SqlType, to: SqlType): TypeChange {
  const [precision, scale = 0] = from.modifiers
  switch (FAMILY[to.name]) {
    case 'numeric': {
      const [newPrecision, newScale = 0] = to.modifiers
      if (newPrecision === undefined) return 'keeps'
      if (precision === undefined || newScale < scale) return 'loses'
      return newPrecision - newScale >= precision - scale ? 'keeps' : 'refuses'
    }
    case 'integer': {
      if (precision === undefined || scale > 0) return 'loses'
      // A number of 19 digits may be above the largest bigint: only fewer always fit.
      return precision - scale < INTEGER_DIGITS[to.name]! ? 'keeps' : 'refuses'
    }
    case 'float': {
      const isExact = precision !== undefined && precision <= FLOAT_DIGITS[to.name]!
      return isExact ? 'keeps' : 'loses'
    }
    default:
      return knownOr(FAMILY[to.name], 'loses')
  }
}

function compareWithString(from: SqlType, to: SqlType): TypeChange {
  if (isUnlimitedText({ ...to, isArray: false })) return 'keeps'
  if (FAMILY[from.name] === 'string') return compareLengths(from, to)
  const digits = INTEGER_DIGITS[from.name]
  const limit = to.modifiers[0] ?? 1
  // With a sign.
  return digits !== undefined && digits + 1 <= limit ? 'keeps' : 'refuses'
}

/** Types with one length, none meaning any. */
function compareLengths(from: SqlType, to: SqlType): TypeChange {
  if (FAMILY[to.name] !== FAMILY[from.name]) return 'unknown'
  const [length = Number.POSITIVE_INFINITY] = from.modifiers
  const [newLength = Number.POSITIVE_INFINITY] = to.modifiers
  // bit(n) takes strings of exactly n bits.
  if (to.name === 'bit') {
    return from.name === 'bit' && newLength === length ? 'keeps' : 'refuses'
  }
  return newLength >= length ? 'keeps' : 'refuses'
}

const MOMENT_KEEPS: Readonly<Record<string, readonly string[]>> = {
  date: ['timestamp', 'timestamptz'],
  time: ['interval', 'timetz'],
  timestamp: ['timestamptz'],
}

function compareMoments(from: SqlType, to: SqlType): TypeChange {
  const toFamily = FAMILY[to.name]
  if (toFamily !== 'moment') return toFamily === undefined ? 'unknown' : 'loses'
  if (from.name === 'interval' && to.name === 'interval') {
    // Its modifiers name fields too; none keeps all.
    return to.modifiers.length === 0 ? 'keeps' : 'loses'
  }
  const isKept = from.name === to.name || (MOMENT_KEEPS[from.name]?.includes(to.name) ?? false)
  if (!isKept) return 'loses'
  const fractionDigits = ({ name, modifiers }: SqlType) =>
    name === 'date' ? 0 : (modifiers[0] ?? 6)
  return fractionDigits(to) >= fractionDigits(from) ? 'keeps' : 'loses'
}

function knownOr(family: Family | undefined, change: TypeChange): TypeChange {
  return family === undefined ? 'unknown' : change
}

/** `varchar(10)`, `numeric(10,2)[]`: in the words of SQL where they are the usual ones. */
export function formatType({ name, modifiers, isArray }: SqlType): string {
  const usual = USUAL_NAMES[name] ?? name
  const list = name === 'interval' || modifiers.length === 0 ? '' : `(${modifiers.join(',')})`
  return `${usual}${list}${isArray ? '[]' : ''}`
}

const USUAL_NAMES: Readonly<Record<string, string>> = {
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  float4: 'real',
  float8: 'double precision',
  bpchar: 'char',
  bool: 'boolean',
}

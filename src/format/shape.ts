import { SnapError } from '../errors.ts'
import { isObjectId } from './object-id.ts'
import type { ObjectId } from './values.ts'

/**
 * Strict shapes of decoded JSON: exactly the named fields, of exactly these types.
 *
 * A shape returns its argument typed, or throws OBJECT_CORRUPT naming the path
 * that is wrong. Nothing is converted and nothing is filled in.
 */
export type Shape<T> = (value: unknown, path: string) => T

export const string: Shape<string> = (value, path) =>
  typeof value === 'string' ? value : mismatch(path, 'a string', value)

export const boolean: Shape<boolean> = (value, path) =>
  typeof value === 'boolean' ? value : mismatch(path, 'a boolean', value)

/** A count, size or position: an integer from 0 to 2^53 − 1. */
export const count: Shape<number> = (value, path) =>
  Number.isSafeInteger(value) && (value as number) >= 0
    ? (value as number)
    : mismatch(path, 'a count', value)

/** An integer from −(2^53 − 1) to 2^53 − 1. */
export const integer: Shape<number> = (value, path) =>
  Number.isSafeInteger(value) ? (value as number) : mismatch(path, 'an integer', value)

export const objectId: Shape<ObjectId> = (value, path) =>
  isObjectId(value) ? value : mismatch(path, 'an object id', value)

/** A time as `Date.toISOString` writes it: UTC, milliseconds. */
export const timestamp: Shape<string> = (value, path) => {
  const isTimestamp =
    typeof value === 'string' &&
    !Number.isNaN(Date.parse(value)) &&
    new Date(value).toISOString() === value
  return isTimestamp ? value : mismatch(path, 'a time as 2026-01-31T12:00:00.000Z', value)
}

/** A string of the given pattern; `expected` names it in the message. */
export function text(pattern: RegExp, expected: string): Shape<string> {
  return (value, path) =>
    typeof value === 'string' && pattern.test(value) ? value : mismatch(path, expected, value)
}

export function oneOf<const T extends string>(...words: readonly T[]): Shape<T> {
  return (value, path) =>
    words.includes(value as T) ? (value as T) : mismatch(path, words.join(' or '), value)
}

/** An object whose `kind` says which of the shapes it has. */
export function oneOfKinds<T extends { kind: string }>(
  shapes: {
    [K in T['kind']]: Shape<Extract<T, { kind: K }>>
  },
): Shape<T> {
  const known = new Map<unknown, Shape<T>>(Object.entries<Shape<T>>(shapes))
  return (value, path) => {
    const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : null
    const found = known.get(kind)
    return found === undefined
      ? mismatch(`${path}.kind`, [...known.keys()].join(' or '), kind)
      : found(value, path)
  }
}

export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return (value, path) => (value === null ? null : shape(value, path))
}

export function arrayOf<T>(shape: Shape<T>): Shape<T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) return mismatch(path, 'a list', value)
    for (const [position, item] of value.entries()) shape(item, `${path}[${position}]`)
    return value
  }
}

type RequiredKeys<T> = {
  [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? never : K
}[keyof T]
type OptionalKeys<T> = Exclude<keyof T, RequiredKeys<T>>

/** Exactly these fields, of which only the optional ones of `T` may be absent. */
export function object<T extends object>(
  fields: { [K in RequiredKeys<T>]: Shape<T[K]> },
  optional: { [K in OptionalKeys<T>]?: Shape<NonNullable<T[K]>> } = {},
): Shape<T> {
  const names = Object.keys(fields)
  const known = new Map<string, Shape<unknown>>(Object.entries({ ...fields, ...optional }))
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return mismatch(path, 'an object', value)
    }
    for (const name of names) {
      if (!Object.hasOwn(value, name)) return mismatch(`${path}.${name}`, 'a field', undefined)
    }
    for (const [name, field] of Object.entries(value)) {
      const check = known.get(name)
      if (check === undefined) return mismatch(`${path}.${name}`, 'no such field', 'one')
      check(field, `${path}.${name}`)
    }
    return value as T
  }
}

/**
 * Rejects a decoded value.
 *
 * @throws OBJECT_CORRUPT  always
 */
export function mismatch(path: string, expected: string, value: unknown): never {
  const found = value === undefined ? 'nothing' : (JSON.stringify(value) ?? typeof value)
  throw new SnapError('OBJECT_CORRUPT', `cannot accept '${path}': expected ${expected}`, {
    expected: `${path}: ${expected}`,
    found: found.slice(0, 80),
  })
}

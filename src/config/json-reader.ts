/**
 * Reads values out of parsed JSON with comments, and collects what is wrong with them.
 *
 * A reader turns one node into one value. On a mismatch it notes a problem at
 * the node's place and returns what the caller offers instead, so that one pass
 * finds every problem of a file. Beside it stands the schema of what it takes, of which the
 * documentation is made. Pure.
 */
import type { Node } from 'jsonc-parser'
import { findClosestName } from '../closest-name.ts'
import { formatStep } from './config-key.ts'
import type { ValueSchema } from './value-schema.ts'

export interface Problem {
  /** UTF-16 code units from the beginning of the text. */
  offset: number
  /** `rules.tables.public.users.maxLossPercent`; empty for the file itself. */
  path: string
  /** Follows the path in a sentence: `must be a number from 0 to 100, found "ten"`. */
  message: string
}

export interface Place {
  node: Node
  path: string
  problems: Problem[]
}

export interface Reader<T> {
  (place: Place): T
  readonly schema: ValueSchema
}

/** Puts a schema beside a function that reads. */
export function reader<T>(schema: ValueSchema, read: (place: Place) => T): Reader<T> {
  return Object.assign((place: Place) => read(place), { schema })
}

/** The same reader, with what its value means, and what holds where it is not there. */
export function described<T>(
  inner: Reader<T>,
  description: string,
  defaultValue?: unknown,
): Reader<T> {
  const meaning = defaultValue === undefined ? {} : { default: defaultValue }
  return reader({ ...inner.schema, description, ...meaning }, inner)
}

/** Notes that a value is not what it must be. */
export function refuse({ node, path, problems }: Place, expected: string): void {
  problems.push({ offset: node.offset, path, message: `must be ${expected}, found ${show(node)}` })
}

/** A value that passes a test; anything else is refused as not being `expected`. */
export function value<T>(
  schema: ValueSchema,
  isValid: (found: unknown) => found is T,
  { expected, instead }: { expected: string; instead: T },
): Reader<T> {
  return reader(schema, (place) => {
    const found: unknown = place.node.value
    const isPlain = place.node.type !== 'object' && place.node.type !== 'array'
    if (isPlain && isValid(found)) return found
    refuse(place, expected)
    return instead
  })
}

export const boolean = value(
  { type: 'boolean' },
  (found): found is boolean => typeof found === 'boolean',
  { expected: 'true or false', instead: false },
)

export const text = value(
  { type: 'string', minLength: 1 },
  (found): found is string => typeof found === 'string' && found !== '',
  { expected: 'a string that is not empty', instead: '' },
)

/** A list; a value that is none is refused, not taken for a list of one. */
export function listOf<T>(item: Reader<T>, expected: string): Reader<T[]> {
  return reader({ type: 'array', items: item.schema }, (place) => {
    if (place.node.type !== 'array') {
      refuse(place, expected)
      return []
    }
    return (place.node.children ?? []).map((node, position) =>
      item({ node, path: `${place.path}[${position}]`, problems: place.problems }),
    )
  })
}

/** An object with some of the keys of `readers`; others are refused, with a guess at what was meant. */
export function object<T extends object>(
  readers: {
    [K in keyof T]-?: Reader<T[K]>
  },
): Reader<Partial<T>> {
  const names = Object.keys(readers)
  const properties = Object.fromEntries(
    names.map((name) => [name, readers[name as keyof T].schema]),
  )
  const schema: ValueSchema = { type: 'object', properties, additionalProperties: false }
  return reader(schema, (place) => {
    const found: Partial<T> = {}
    for (const [key, inner] of propertiesOf(place)) {
      if (!names.includes(key.value)) {
        const guess = findClosestName(key.value, names)
        place.problems.push({
          offset: key.offset,
          path: inner.path,
          message:
            guess === undefined
              ? `is not a key that snap knows; here it knows ${names.join(', ')}`
              : `is not a key that snap knows; did you mean ${guess}?`,
        })
        continue
      }
      const name = key.value as keyof T
      found[name] = readers[name](inner)
    }
    return found
  })
}

/** An object whose keys are the user's own, in the order of the file. */
export function mapOf<T>(
  item: Reader<T>,
  keys: { name: string; pattern?: string },
): Reader<{ key: string; value: T }[]> {
  const { name, pattern } = keys
  const schema: ValueSchema = {
    type: 'object',
    additionalProperties: item.schema,
    keyName: name,
    ...(pattern === undefined ? {} : { propertyNames: { pattern } }),
  }
  return reader(schema, (place) =>
    propertiesOf(place).map(([key, inner]) => ({ key: key.value, value: item(inner) })),
  )
}

/** The properties with their keys; a key that was there before is refused, since JSON would forget one of the two. */
function propertiesOf(place: Place): [key: { value: string; offset: number }, inner: Place][] {
  const { node, path, problems } = place
  if (node.type !== 'object') {
    refuse(place, 'an object')
    return []
  }
  const seen = new Set<string>()
  return (node.children ?? []).flatMap(({ children }) => {
    const [key, inner] = children ?? []
    // A property that is not finished has been reported by the parser.
    if (key === undefined || inner === undefined) return []
    const name = String(key.value)
    const innerPath = path + formatStep(name, path === '')
    if (seen.has(name)) {
      problems.push({ offset: key.offset, path: innerPath, message: 'is there twice' })
    }
    seen.add(name)
    return [
      [
        { value: name, offset: key.offset },
        { node: inner, path: innerPath, problems },
      ],
    ]
  })
}

const MAX_SHOWN_CHARACTERS = 40

function show(node: Node): string {
  if (node.type === 'object') return 'an object'
  if (node.type === 'array') return 'a list'
  const shown = JSON.stringify(node.value)
  return shown.length <= MAX_SHOWN_CHARACTERS
    ? shown
    : `${shown.slice(0, MAX_SHOWN_CHARACTERS - 1)}…`
}

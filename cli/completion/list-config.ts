import {
  CONFIG_SCHEMA,
  formatConfigKey,
  getSettingSchema,
  listSettings,
  parseConfigKey,
  type ValueSchema,
} from '../../src/index.ts'
import { type Answer, type Candidate, words } from './answer.ts'

/** Every key that the schema names, and those that the file has: of tables, sources, aliases. */
export function listConfigKeys(text: string, typed: string): Answer {
  const known = keysOf(CONFIG_SCHEMA, '')
  const own = listSettings(text).map(({ path }) => ({
    value: formatConfigKey(path),
    description: getSettingSchema(path).description ?? '',
  }))
  const unseen = own.filter(({ value }) => !known.some((each) => each.value === value))
  const all = [...known, ...unseen]
  // What ends with a dot goes on with a name of the user's own.
  const isUnfinished = all.some(({ value }) => value.endsWith('.') && value.startsWith(typed))
  return words(all, isUnfinished)
}

function keysOf(schema: ValueSchema, path: string): Candidate[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const value = path === '' ? name : `${path}.${name}`
    const description = inner.description ?? ''
    if (inner.properties !== undefined) return keysOf(inner, value)
    if (inner.type === 'object') return [{ value: `${value}.`, description }]
    return [{ value, description }]
  })
}

/** What may be written for a key, where that can be listed. */
export function listConfigValues(key: string | undefined): Candidate[] {
  if (key === undefined) return []
  return valuesOf(getSettingSchema(parseConfigKey(key)))
}

function valuesOf(schema: ValueSchema): Candidate[] {
  const description = schema.description ?? ''
  if (schema.type === 'boolean') {
    return ['true', 'false'].map((value) => ({ value, description }))
  }
  const fixed = schema.const === undefined ? [] : [{ value: String(schema.const), description }]
  const other =
    schema.default === undefined
      ? []
      : [{ value: asTyped(schema.default), description: 'the default' }]
  return [...fixed, ...(schema.anyOf ?? []).flatMap(valuesOf), ...other]
}

const asTyped = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))

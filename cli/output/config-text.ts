import { CONFIG_SCHEMA, type ValueSchema } from '../../src/index.ts'
import { wrapWords } from './wrap-words.ts'

/** Every key of the configuration with what it takes, its default and what it means. */
export function formatConfigKeys(): string[] {
  return keysOf(CONFIG_SCHEMA, '')
}

function keysOf(schema: ValueSchema, path: string): string[] {
  const named = Object.entries(schema.properties ?? {}).flatMap(([name, inner]) =>
    describe(inner, path === '' ? name : `${path}.${name}`),
  )
  const { additionalProperties: item } = schema
  if (item === undefined || item === false) return named
  return keysOf(item, `${path}.<${schema.keyName ?? 'name'}>`)
}

function describe(schema: ValueSchema, path: string): string[] {
  const isSection = schema.type === 'object'
  const isMapOfValues = isSection && isLeaf(schema.additionalProperties)
  const key = isMapOfValues ? `${path}.<${schema.keyName ?? 'name'}>` : path
  const about = isSection && !isMapOfValues ? [] : [typeOf(schema), ...defaultOf(schema)]
  return [
    `  ${key}${about.length === 0 ? '' : `   ${about.join('; ')}`}`,
    ...wrapWords(schema.description ?? '', { indent: 6 }),
    ...(isMapOfValues ? [] : isSection ? keysOf(schema, path) : itemKeys(schema, path)),
  ]
}

/** Keys of what a list is made of. */
function itemKeys({ items }: ValueSchema, path: string): string[] {
  return items?.properties === undefined ? [] : keysOf(items, `${path}[n]`)
}

function isLeaf(schema: ValueSchema | false | undefined): boolean {
  return schema !== undefined && schema !== false && schema.type !== 'object'
}

/** For people: `true or false`, `number from 0 to 100, or false`, `list of text`. */
function typeOf(schema: ValueSchema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(', or ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  switch (schema.type) {
    case 'boolean':
      return 'true or false'
    case 'number':
      return schema.minimum === undefined
        ? 'number'
        : `number from ${schema.minimum} to ${schema.maximum}`
    case 'array':
      return `list of ${schema.items?.type === 'object' ? 'objects' : typeOf(schema.items ?? {})}`
    case 'object':
      return isLeaf(schema.additionalProperties)
        ? typeOf(schema.additionalProperties as ValueSchema)
        : 'object'
    default:
      return 'text'
  }
}

function defaultOf(schema: ValueSchema): string[] {
  return schema.default === undefined ? [] : [`default ${JSON.stringify(schema.default)}`]
}

/**
 * Single settings of a configuration file's text: what they are, and the text with one changed.
 *
 * Comments, order and formatting of all else stay as they are. Pure.
 */
import { findNodeAtLocation, getNodeValue, type Node, parseTree } from 'jsonc-parser'
import { findClosestName } from '../closest-name.ts'
import { isSnapError, SnapError } from '../errors.ts'
import { changeJson } from './change-json.ts'
import { type ConfigPath, formatConfigKey } from './config-key.ts'
import { CONFIG_SCHEMA, parseConfig } from './parse-config.ts'
import type { ValueSchema } from './value-schema.ts'

export interface Setting {
  path: ConfigPath
  /** As JSON; a list is one setting. */
  value: unknown
}

/** Lists what a file sets, in its order. */
export function listSettings(source: string): Setting[] {
  const root = parseTree(source, [], { allowTrailingComma: true })
  return root === undefined ? [] : leavesOf(root, [])
}

function leavesOf(node: Node, path: ConfigPath): Setting[] {
  const properties = node.type === 'object' ? (node.children ?? []) : []
  if (properties.length === 0 && path.length > 0) return [{ path, value: getNodeValue(node) }]
  return properties.flatMap(({ children }) => {
    const [key, value] = children ?? []
    return key === undefined || value === undefined ? [] : leavesOf(value, [...path, key.value])
  })
}

/** Returns what a file says at a path, as JSON; undefined where it says nothing. */
export function findSetting(source: string, path: ConfigPath): unknown {
  const root = parseTree(source, [], { allowTrailingComma: true })
  const node = root === undefined ? undefined : findNodeAtLocation(root, [...path])
  return node === undefined ? undefined : getNodeValue(node)
}

/**
 * Returns what may stand at a path.
 *
 * @throws USAGE  snap knows no such key
 */
export function getSettingSchema(path: ConfigPath): ValueSchema {
  let schema = CONFIG_SCHEMA
  for (const [position, step] of path.entries()) {
    const inner = schemaBelow(schema, step)
    if (inner === undefined) throw unknownKey(schema, path.slice(0, position), step)
    schema = inner
  }
  return schema
}

function schemaBelow(schema: ValueSchema, step: string | number): ValueSchema | undefined {
  if (typeof step === 'number') return schema.items
  const named = schema.properties?.[step]
  return named ?? (schema.additionalProperties === false ? undefined : schema.additionalProperties)
}

function unknownKey(schema: ValueSchema, above: ConfigPath, step: string | number): SnapError {
  const names = Object.keys(schema.properties ?? {})
  const guess = typeof step === 'string' ? findClosestName(step, names) : undefined
  const key = formatConfigKey([...above, step])
  const place = above.length === 0 ? 'here' : `in ${formatConfigKey(above)}`
  return new SnapError(
    'USAGE',
    names.length === 0 && above.length > 0
      ? `there is no key '${key}': ${formatConfigKey(above)} is one value`
      : `there is no key '${key}'; ${place} snap knows ${names.join(', ')}`,
    { argument: key },
    {
      hint:
        guess === undefined
          ? '\'snap help config\' lists all of them; names with dots are quoted: rules.tables."public.users"'
          : `did you mean ${formatConfigKey([...above, guess])}?`,
    },
  )
}

/**
 * Returns the text with one setting changed, and the value it has then.
 *
 * What is typed is taken as a list or an object where it is one in JSON, else as text, else as a
 * number, true or false: as the first of them that may stand there.
 *
 * @param file  how messages name the file
 * @throws USAGE           the key is unknown, or the value cannot stand there
 * @throws CONFIG_INVALID  something else in the file is wrong
 */
export function setSetting(
  source: string,
  { path, typed }: { path: ConfigPath; typed: string },
  file: string,
): { text: string; value: unknown } {
  getSettingSchema(path)
  const problems: SnapError[] = []
  for (const value of readingsOf(typed)) {
    const text = withSetting(source, path, value)
    try {
      parseConfig(text, file)
      return { text, value }
    } catch (error) {
      if (!isSnapError(error, 'CONFIG_INVALID')) throw error
      problems.push(error)
    }
  }
  if (source.trim() !== '') parseConfig(source, file)
  throw cannotStand(path, problems.at(-1) as SnapError<'CONFIG_INVALID'>)
}

function readingsOf(typed: string): unknown[] {
  let json: unknown
  try {
    json = JSON.parse(typed)
  } catch {
    return [typed]
  }
  if (json === null) return [typed]
  return typeof json === 'object' ? [json, typed] : [typed, json]
}

function cannotStand(path: ConfigPath, { data }: SnapError<'CONFIG_INVALID'>): SnapError {
  const said = data.problems.map(({ key, message }) => `${key} ${message}`)
  return new SnapError(
    'USAGE',
    said.join('; '),
    { argument: formatConfigKey(path) },
    { hint: "nothing was written; 'snap help config' says what may stand there" },
  )
}

/**
 * Returns the text without a setting, or with all below it gone.
 *
 * @throws CONFIG_INVALID  it could not be without
 */
export function removeSetting(source: string, path: ConfigPath, file: string): string {
  const text = withSetting(source, path, undefined)
  parseConfig(text, file)
  return text
}

function withSetting(source: string, path: ConfigPath, value: unknown): string {
  // Editors on Windows put a byte order mark before JSON, which the parser does not know.
  const mark = source.startsWith('\uFEFF') ? '\uFEFF' : ''
  const body = source.slice(mark.length)
  const text = body.trim() === '' ? '{}\n' : body
  return mark + changeJson(text, path, value)
}

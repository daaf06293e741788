import { applyEdits, modify, parse } from 'jsonc-parser'
import type { ProtectedPattern } from './config.ts'

/**
 * Writes down which database is meant, in a configuration file's text, whose comments and order stay. Pure.
 *
 * @param source  a valid configuration, or nothing
 * @param place   a place in the project's files, or an address without a password
 */
export function setDatabase(source: string, place: string): string {
  const text = source.trim() === '' ? '{}\n' : source
  return applyEdits(text, modify(text, ['database'], place, { formattingOptions: FORMATTING }))
}

/** The lists of databases that a configuration file has. */
export type DatabaseList = 'protected' | 'unprotected'

/**
 * Adds a database to a list of a configuration file's text, whose comments and
 * order stay. Pure.
 *
 * @param source  a valid configuration, or nothing
 */
export function addDatabase(
  source: string,
  list: DatabaseList,
  pattern: Partial<ProtectedPattern>,
): string {
  const text = source.trim() === '' ? '{}\n' : source
  const entry = Object.fromEntries(Object.entries(pattern).filter(([, value]) => value !== null))
  const options = { formattingOptions: FORMATTING, isArrayInsertion: true }
  return applyEdits(text, modify(text, [list, -1], entry, options))
}

/**
 * Removes entries from a list, which is written anew without them. Pure.
 *
 * @param positions  0-based
 */
export function removeDatabases(
  source: string,
  list: DatabaseList,
  positions: readonly number[],
): string {
  const entries: unknown[] = parse(source)?.[list] ?? []
  const left = entries.filter((_, position) => !positions.includes(position))
  return applyEdits(source, modify(source, [list], left, { formattingOptions: FORMATTING }))
}

const FORMATTING = { insertSpaces: true, tabSize: 2, eol: '\n' }

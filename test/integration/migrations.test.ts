/**
 * The head of every migration tool, read from the tables that the tool makes.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createDatabase } from '../support/postgres.ts'
import { commitDatabase, memoryStore } from '../support/session.ts'

const directory = fileURLToPath(new URL('../../fixtures/migration-tools/', import.meta.url))

/** The table of a tool as its current release makes it, with a short history; what it is stands above it. */
const TOOLS = readdirSync(directory).map((name) => {
  const sql = readFileSync(join(directory, name), 'utf8')
  const linesOf = (key: string) =>
    [...sql.matchAll(new RegExp(`^-- ${key}: (.*)$`, 'gm'))].map(([, value]) => value!)
  return {
    name,
    tool: linesOf('tool')[0],
    heads: linesOf('head'),
    checked: linesOf('checked'),
    sql,
  }
})

test('every table was compared with what the tool makes', () => {
  expect(TOOLS.filter(({ checked }) => checked.length !== 1)).toEqual([])
  expect(TOOLS.length).toBe(36)
})

test.each(TOOLS)('the migration head of $name is in the commit', async ({ tool, heads, sql }) => {
  const database = await createDatabase(18)
  await database.query(sql)
  const { commit } = await commitDatabase(await memoryStore(), database.url)
  expect(commit.migrations.map((found) => ({ tool: found.tool, heads: found.heads }))).toEqual([
    { tool, heads },
  ])
})

test('a table that only looks like a tool’s names no head, and the commit is made', async () => {
  const database = await createDatabase(18)
  await database.query('CREATE TABLE knex_migrations (id point, name int[], batch int)')
  const { commit } = await commitDatabase(await memoryStore(), database.url)
  expect(commit.migrations).toEqual([])
})

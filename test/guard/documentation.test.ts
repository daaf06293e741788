import { equal } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ALL_COMMANDS } from '../../cli/commands/all-commands.ts'
import { errorTable, exitCodeTable } from '../tools/list-errors.ts'
import { root } from './source-files.ts'

const path = join(root, 'README.md')
const readme = readFileSync(path, 'utf8')

test('the tables of the README are those of the code (vitest -u writes them)', async () => {
  const withTables = fill(fill(readme, 'error codes', errorTable()), 'exit codes', exitCodeTable())
  await expect(withTables).toMatchFileSnapshot(path)
})

test('the README names every command', () => {
  for (const { name } of ALL_COMMANDS) {
    equal(readme.includes(`snap ${name}`), true, `snap ${name} is not in the README`)
  }
})

/** Replaces what stands between `<!-- name -->` and `<!-- end -->`. */
function fill(text: string, name: string, table: string): string {
  const begin = `<!-- ${name} -->`
  const start = text.indexOf(begin)
  const end = text.indexOf('<!-- end -->', start)
  equal(start >= 0 && end > start, true, `the README has no place for the table of ${name}`)
  return `${text.slice(0, start + begin.length)}\n${table}\n${text.slice(end)}`
}

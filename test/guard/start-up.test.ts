import { deepEqual } from 'node:assert/strict'
import { posix } from 'node:path'
import { test } from 'vitest'
import * as library from '../../src/index.ts'
import * as storeLibrary from '../../src/store-index.ts'
import { readSourceFiles } from './source-files.ts'

/** What takes tens of milliseconds to load, and a command without a database or a screen does without. */
const HEAVY =
  /^(@clack\/|@electric-sql\/|@streamparser\/|csv-parse|fast-glob|ink|jsonc-parser|libpg-query|pg|pg-copy-streams|react)(\/|$)/

const texts = new Map(
  [...readSourceFiles('src'), ...readSourceFiles('cli')].map(({ path, text }) => [path, text]),
)

const STATIC_IMPORT = /^(?:import|export)\s(?!type\s)(?:[^'"]*?\sfrom\s)?'([^']+)'/gm

/** Everything that is loaded before a line of `path` runs: own files by path, packages by name. */
function loadedWith(path: string): Set<string> {
  const loaded = new Set<string>()
  const open = [path]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (loaded.has(next)) continue
    loaded.add(next)
    for (const [, specifier] of (texts.get(next) ?? '').matchAll(STATIC_IMPORT)) {
      open.push(
        specifier!.startsWith('.') ? posix.join(posix.dirname(next), specifier!) : specifier!,
      )
    }
  }
  return loaded
}

const heavyIn = (path: string) => [...loadedWith(path)].filter((name) => HEAVY.test(name))

test('help loads neither the library nor anything heavy', () => {
  const loaded = [...loadedWith('cli/main.ts')]
  deepEqual(
    loaded.filter((name) => name.startsWith('src/') || HEAVY.test(name)),
    [],
  )
})

test('commands that read a store alone load no driver, no parser and no screen', () => {
  const commands = ['log', 'show', 'diff', 'reflog', 'rev-parse', 'cat-object', 'fsck', 'gc', 'ops']
  deepEqual(
    commands.map((name) => [name, heavyIn(`cli/commands/${name}.ts`)]),
    commands.map((name) => [name, []]),
  )
})

test('what they load of the library is the part that works on stores alone', () => {
  deepEqual(heavyIn('src/store-index.ts'), [])
  deepEqual(
    [...loadedWith('src/store-index.ts')].filter((name) =>
      /^src\/(postgres\/session|capture\/|restore\/plan)/.test(name),
    ),
    [],
  )
})

test('the part is a part: each of its names is the same thing in the whole', () => {
  const whole: Record<string, unknown> = { ...library }
  deepEqual(
    Object.entries(storeLibrary).filter(([name, value]) => whole[name] !== value),
    [],
  )
})

import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { readSourceFiles, withoutComments } from './source-files.ts'

/** Lists every place where the code of a directory matches, as `path: match`. */
function findInCode(directory: string, pattern: RegExp): string[] {
  return readSourceFiles(directory).flatMap(({ path, text }) =>
    [...withoutComments(text).matchAll(pattern)].map(([match]) => `${path}: ${match}`),
  )
}

test('the library touches neither terminal nor process: what it needs is passed in', () => {
  const access =
    /\bconsole\.\w+|\bprocess\.(?:exit|exitCode|env|argv|stdin|stdout|stderr|on|once|cwd)\b/g
  deepEqual(findInCode('src', access), [])
})

test('only main.ts ends the process or listens to signals: everything else can be called twice', () => {
  const access = /\bprocess\.(?:exit|exitCode|on|once|argv)\b/g
  const found = findInCode('cli', access).filter((place) => !place.startsWith('cli/main.ts: '))
  deepEqual(found, [])
})

test('commands know the outside world through their io only', () => {
  const access = /\bprocess\.(?:env|stdin|stdout|stderr|cwd)\b|\bconsole\.\w+/g
  const found = findInCode('cli', access)
    .filter((place) => !place.startsWith('cli/main.ts: '))
    // The demo's server is a child of this process and inherits its environment.
    .filter((place) => place !== 'cli/demo/embedded-postgres.ts: process.env')
  deepEqual(found, [])
})

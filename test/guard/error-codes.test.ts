import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { EXIT_CODE_OF_ERROR } from '../../cli/exit-codes.ts'
import { readSourceFiles, withoutComments } from './source-files.ts'

/** Asking for a code is not raising it. */
const QUESTION = /isSnapError\([^()]*?'[A-Z_]+'|\bcode [!=]== '[A-Z_]+'/g

test('every error code is raised somewhere: one that is not promises what never comes', () => {
  const code = [...readSourceFiles('src'), ...readSourceFiles('cli')]
    .filter(({ path }) => path !== 'src/errors.ts' && path !== 'cli/exit-codes.ts')
    .map(({ text }) => withoutComments(text).replaceAll(QUESTION, ''))
    .join('\n')
  const neverRaised = Object.keys(EXIT_CODE_OF_ERROR).filter((name) => !code.includes(`'${name}'`))
  // The type of EXIT_CODE_OF_ERROR holds it equal to the union of codes.
  deepEqual(neverRaised, [])
})

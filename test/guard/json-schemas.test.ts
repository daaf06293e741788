import { deepEqual } from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ALL_COMMANDS } from '../../cli/commands/all-commands.ts'
import { makeJsonSchemas } from '../tools/make-json-schemas.ts'
import { root } from './source-files.ts'

const directory = join(root, 'cli', 'schemas')

test('the published schemas are those of the types that commands print (vitest -u writes them)', async () => {
  const schemas = makeJsonSchemas(ALL_COMMANDS.map(({ name }) => name))
  for (const [name, text] of schemas) {
    await expect(text).toMatchFileSnapshot(join(directory, `${name}.json`))
  }
  const superfluous = readdirSync(directory).filter(
    (file) => !schemas.has(file.replace(/\.json$/, '')),
  )
  deepEqual(superfluous, [])
})

import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { readSourceFiles, type SourceFile } from './source-files.ts'

/** The public API, whole and the part that needs no database. */
const PUBLIC: readonly string[] = ['src/index.ts', 'src/store-index.ts']

/** What the files of each folder may import of the others, and why no more. */
const LAYERS: Readonly<Record<string, { mayImport: readonly string[]; because: string }>> = {
  'src/format': {
    mayImport: ['src/errors.ts'],
    because: 'bytes and values are pure: every other folder stands on them',
  },
  'src/chunker': {
    mayImport: ['src/errors.ts', 'src/format'],
    because: 'where rows are cut depends on their bytes alone',
  },
  'src/backend': {
    mayImport: ['src/errors.ts'],
    because: 'a backend knows no format, so that any wrapper fits any backend',
  },
  'src/objects': {
    mayImport: ['src/errors.ts', 'src/events.ts', 'src/format', 'src/backend'],
    because: 'objects are stored without knowing what is captured or named',
  },
  'src/refs': {
    mayImport: ['src/errors.ts', 'src/closest-name.ts', 'src/format', 'src/backend'],
    because: 'a ref holds an id and does not look at what it names',
  },
  'src/doctor': {
    mayImport: [
      'src/errors.ts',
      'src/format',
      'src/history',
      'src/refs',
      'src/postgres',
      'src/restore/read-schema.ts',
      'src/store.ts',
    ],
    because: 'the doctor looks at what is there and changes nothing',
  },
  'src/protection': {
    mayImport: ['src/config', 'src/postgres/address'],
    because: 'whether a database is protected is told by its address and what was written down',
  },
  'src/history': {
    mayImport: ['src/errors.ts', 'src/closest-name.ts', 'src/format', 'src/objects', 'src/refs'],
    because: 'history is read from objects and refs, never from a database',
  },
  'src/operations': {
    mayImport: [
      'src/errors.ts',
      'src/format',
      'src/backend',
      'src/maintenance/process-identity.ts',
    ],
    because: 'a log tells what others did; it must be writable whatever they do',
  },
  'src/schema': {
    mayImport: ['src/errors.ts', 'src/closest-name.ts', 'src/format', 'src/postgres/quote.ts'],
    because: 'schemas are compared and ordered as values, without a connection',
  },
  'src/postgres': {
    mayImport: ['src/errors.ts', 'src/events.ts', 'src/schema'],
    because: 'a connection knows nothing of stores',
  },
  'src/maintenance': {
    mayImport: [
      'src/errors.ts',
      'src/events.ts',
      'src/format',
      'src/backend',
      'src/objects',
      'src/refs',
      'src/history',
      'src/operations',
      'src/store.ts',
    ],
    because: 'a store is checked without a database',
  },
  'src/sources': {
    mayImport: [
      'src/errors.ts',
      'src/events.ts',
      'src/format',
      'src/chunker',
      'src/objects',
      'src/maintenance/process-identity.ts',
      'src/operations/redact-arguments.ts',
    ],
    because: 'other datastores are read and restored without PostgreSQL, and without knowing refs',
  },
  'src/capture': {
    mayImport: [
      'src/errors.ts',
      'src/events.ts',
      'src/version.ts',
      'src/format',
      'src/chunker',
      'src/objects',
      'src/refs',
      'src/schema',
      'src/postgres',
      'src/maintenance',
      'src/sources',
      'src/diff/row-diff.ts',
      'src/store.ts',
    ],
    because: 'capturing does not know how a restore will go about it',
  },
  'src/diff': {
    mayImport: [
      'src/errors.ts',
      'src/events.ts',
      'src/format',
      'src/backend',
      'src/objects',
      'src/refs',
      'src/schema',
      'src/postgres/address',
      'src/postgres/quote.ts',
      'src/capture',
      'src/sources',
      'src/store.ts',
    ],
    because:
      'a comparison reads two states, of commits or of a capture kept aside; it changes neither',
  },
  'src/alarms': {
    mayImport: ['src/errors.ts', 'src/format', 'src/schema', 'src/diff'],
    because: 'rules judge a difference that somebody else has found, and touch nothing',
  },
  'src/config': {
    mayImport: ['src/errors.ts', 'src/closest-name.ts', 'src/alarms'],
    because: 'a configuration is text that becomes a value; whoever has the file reads it',
  },
  'src/migrations': {
    mayImport: ['src/errors.ts', 'src/format', 'src/schema'],
    because: 'what SQL would do is read from its text and a schema, never tried out',
  },
  'src/migrate': {
    mayImport: ['src/errors.ts', 'src/events.ts', 'src/migrations', 'src/postgres'],
    because: 'applying migrations needs a database and no store: whoever commits first does so',
  },
  'src/import': {
    mayImport: [
      'src/errors.ts',
      'src/events.ts',
      'src/format',
      'src/migrations',
      'src/schema',
      'src/postgres',
      'src/refs',
      'src/history',
      'src/load',
      'src/capture',
      'src/maintenance',
      'src/objects/with-scratch-directory.ts',
      'src/restore/plan-creation.ts',
      'src/restore/read-schema.ts',
      'src/restore/run-refreshes.ts',
      'src/restore/set-sequences.ts',
      'src/restore/statement.ts',
      'src/store.ts',
    ],
    because: 'an import restores what others wrote and captures it; it changes no database of ours',
  },
  'src/load': {
    mayImport: [
      'src/errors.ts',
      'src/events.ts',
      'src/format/copy-text.ts',
      'src/objects/with-scratch-directory.ts',
      'src/postgres',
    ],
    because: 'loading a file needs a database and no store: whoever commits first does so',
  },
  'src/restore': {
    mayImport: [
      'src/errors.ts',
      'src/events.ts',
      'src/format',
      'src/objects',
      'src/refs',
      'src/history',
      'src/operations',
      'src/schema',
      'src/postgres',
      'src/capture',
      'src/diff',
      'src/maintenance',
      'src/sources',
      'src/store.ts',
    ],
    because: 'a restore captures too, for safety and for proof; backends are behind objects',
  },
  'src/export': {
    mayImport: [
      'src/errors.ts',
      'src/format',
      'src/objects',
      'src/schema',
      'src/postgres/quote.ts',
      'src/capture/selection.ts',
      'src/capture/capture-large-objects.ts',
      'src/diff',
      'src/restore/plan-creation.ts',
      'src/restore/plan-surgery.ts',
      'src/restore/statement.ts',
    ],
    because:
      'an export is a restore written down, of a whole state or of a difference: the same statements in the same order, and no connection',
  },
  'src/store.ts': {
    mayImport: [
      'src/errors.ts',
      'src/format',
      'src/backend',
      'src/objects',
      'src/operations',
      'src/refs',
    ],
    because: 'opening a store needs no database',
  },
  'src/events.ts': {
    mayImport: ['src/errors.ts'],
    because: 'events are facts that every folder may tell',
  },
  'src/closest-name.ts': { mayImport: [], because: 'names are compared as texts' },
  'src/errors.ts': { mayImport: [], because: 'errors are known to everyone and know no one' },
  'src/version.ts': { mayImport: [], because: 'it is one constant' },
  cli: {
    mayImport: PUBLIC,
    because: 'the program uses what any other program could; what it needs becomes public first',
  },
}

const files = [...readSourceFiles('src'), ...readSourceFiles('cli')]

test('every file imports only what its layer may', () => {
  deepEqual(files.flatMap(brokenImports), [])
})

test('pg is spoken in src/postgres alone: everyone else has a session', () => {
  const found = files
    .filter(({ imports }) => imports.some((name) => name === 'pg' || name.startsWith('pg-')))
    .filter(({ path }) => !path.startsWith('src/postgres/'))
  deepEqual(
    found.map(({ path }) => path),
    [],
  )
})

test('the library draws nothing: terminals, prompts and React are for the program', () => {
  const forTheProgram =
    /^(@clack\/|commander$|ink$|ink-|react$|string-width$|node:readline|node:tty)/
  const found = files
    .filter(({ path }) => path.startsWith('src/'))
    .filter(({ imports }) => imports.some((name) => forTheProgram.test(name)))
  deepEqual(
    found.map(({ path }) => path),
    [],
  )
})

function brokenImports({ path, imports }: SourceFile): string[] {
  if (PUBLIC.includes(path)) return []
  const name = layerOf(path)
  const layer = LAYERS[name]
  if (layer === undefined) return [`${path}: '${name}' has no place among the layers yet`]
  return imports
    .filter((imported) => imported.startsWith('src/') || imported.startsWith('cli/'))
    .filter((imported) => layerOf(imported) !== name)
    .filter((imported) => !layer.mayImport.some((allowed) => isWithin(imported, allowed)))
    .map((imported) => `${path} imports ${imported}, but ${layer.because}`)
}

/** `src/refs` for its files, `src/store.ts` for a file on its own, `cli` for the whole program. */
function layerOf(path: string): string {
  return path.startsWith('cli/') ? 'cli' : path.split('/', 2).join('/')
}

function isWithin(path: string, allowed: string): boolean {
  return path === allowed || path.startsWith(`${allowed}/`)
}

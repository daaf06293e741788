/**
 * Every script of `fixtures/destructive-sql` against the findings in the JSON beside it:
 * where, what and how sure, and nothing else.
 */
import { deepEqual } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'vitest'
import { objectIdOf } from '../../../src/format/object-id.ts'
import type { SchemaEntry, TableEntry } from '../../../src/format/values.ts'
import { examineScripts } from '../../../src/migrations/examine-scripts.ts'
import type { KnownState } from '../../../src/migrations/known-tables.ts'
import { root } from '../../guard/source-files.ts'

interface Expectation {
  /** CREATE TABLE statements of schema `public`, as pg_dump writes them. */
  schema?: string[]
  rowCounts?: Record<string, number>
  findings: unknown[]
}

const directory = join(root, 'fixtures/destructive-sql')
const scripts = readdirSync(directory).filter((name) => name.endsWith('.sql'))

test.each(scripts)('%s', async (file) => {
  const source = readFileSync(join(directory, file), 'utf8')
  const beside = readFileSync(join(directory, file.replace(/sql$/, 'json')), 'utf8')
  const expected: Expectation = JSON.parse(beside)
  const findings = await examineScripts([{ file, source }], {
    state: stateOf(expected),
    isSequence: false,
  })
  deepEqual(
    findings.map(({ line, column, code, severity, object, rowCount }) => ({
      at: `${line}:${column}`,
      code,
      severity,
      object,
      ...(rowCount === null ? {} : { rowCount }),
    })),
    expected.findings,
  )
})

function stateOf({ schema, rowCounts = {} }: Expectation): KnownState | null {
  if (schema === undefined) return null
  const names = [...new Set([...schema.map(nameOf), ...Object.keys(rowCounts)])]
  return {
    schema: names.map((name) =>
      schemaEntry(name, schema.find((ddl) => nameOf(ddl) === name) ?? null),
    ),
    tree: { tables: names.map((name) => tableEntry(name, rowCounts[name])) },
  }
}

function nameOf(definition: string): string {
  return /^CREATE TABLE public\."?(\w+)/.exec(definition)![1]!
}

function schemaEntry(name: string, definition: string | null): SchemaEntry {
  return {
    kind: 'TABLE',
    namespace: 'public',
    name,
    owner: 'ada',
    section: 'preData',
    definition,
    dropStatement: null,
    tableAccessMethod: null,
    tablespace: null,
  }
}

function tableEntry(name: string, rowCount: number | undefined): TableEntry {
  const rootId = objectIdOf(Buffer.from(name))
  const rows = rowCount === undefined ? null : { rootId, sizeBytes: 1, rowCount, chunkCount: 1 }
  return { namespace: 'public', name, columns: [], extension: null, rows }
}

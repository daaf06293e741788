import { deepEqual } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'vitest'
import * as library from '../../src/index.ts'
import { root } from './source-files.ts'

/** What others may build on. Taking a name away breaks them; a new one is a promise. */
const VALUES = [
  'BRANCH_PREFIX',
  'HEAD',
  'InvariantError',
  'LocalBackend',
  'MemoryBackend',
  'SAFETY_REF',
  'STORE_DIRECTORY_NAME',
  'SnapError',
  'Store',
  'TAG_PREFIX',
  'VERSION',
  'applyCheckout',
  'branchRefName',
  'commit',
  'compareTables',
  'describeAddress',
  'describeDifference',
  'findMetadataKind',
  'findStoreDirectory',
  'fsck',
  'initStore',
  'inspectDatabase',
  'isObjectId',
  'isSnapError',
  'lossOf',
  'moveHead',
  'openSession',
  'openStore',
  'planCheckout',
  'planUndo',
  'readHead',
  'readSchemaEntries',
  'resolveDatabaseAddress',
  'resolveRevision',
  'shortId',
  'shortRefName',
  'tagRefName',
  'walkCommits',
  'withDatabase',
]

const TYPES = [
  '* from ./format/values.ts',
  'Author',
  'Backend',
  'Blocker',
  'CaptureTotals',
  'CheckoutOptions',
  'CheckoutPlan',
  'CheckoutReason',
  'CheckoutResult',
  'CommitOptions',
  'CommitResult',
  'DatabaseAddress',
  'DatabaseSummary',
  'ErrorCode',
  'ErrorData',
  'Finding',
  'FindingCode',
  'FsckReport',
  'HeadValue',
  'MoveReason',
  'Phase',
  'PlannedLoss',
  'PostgresErrorData',
  'Ref',
  'RefMove',
  'RefReason',
  'RefRecord',
  'RefStore',
  'Reporter',
  'SchemaDifference',
  'Session',
  'SessionOptions',
  'SnapEvent',
  'TableChange',
]

test('the library exports exactly the pinned values', () => {
  deepEqual(Object.keys(library).sort(), VALUES)
})

test('the library exports exactly the pinned types', () => {
  const text = readFileSync(join(root, 'src/index.ts'), 'utf8')
  deepEqual(exportedTypes(text), TYPES)
})

/** Reads type names from `export type { … }` and `type Name` inside `export { … }`. */
function exportedTypes(text: string): string[] {
  const names = [...text.matchAll(/export (type )?\{([^}]*)\}/g)].flatMap(([, isType, list]) =>
    list!
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '' && (isType !== undefined || name.startsWith('type ')))
      .map((name) => name.replace(/^type /, '')),
  )
  const whole = [...text.matchAll(/export type \* from '([^']+)'/g)].map(
    ([, path]) => `* from ${path}`,
  )
  return [...names, ...whole].sort()
}

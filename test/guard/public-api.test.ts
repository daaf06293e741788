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
  'captureLiveState',
  'chooseRelations',
  'commit',
  'compareColumns',
  'compareTables',
  'decodeField',
  'describeAddress',
  'describeDifference',
  'diffStates',
  'diffTableRows',
  'findMetadataKind',
  'findStoreDirectory',
  'formatCheckoutSql',
  'formatCsvLine',
  'formatPlainDump',
  'formatTableRows',
  'formatTransition',
  'formatUnifiedDiff',
  'fsck',
  'initStore',
  'inspectDatabase',
  'isObjectId',
  'isSnapError',
  'listChangedTables',
  'listExportFiles',
  'moveHead',
  'openSession',
  'openStore',
  'planCheckout',
  'planTransition',
  'planUndo',
  'readCommittedState',
  'readHead',
  'readSchemaEntries',
  'resolveDatabaseAddress',
  'resolveRevision',
  'shortId',
  'shortRefName',
  'splitFields',
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
  'ChangeOutline',
  'CheckoutOptions',
  'CheckoutPart',
  'CheckoutPlan',
  'CheckoutReason',
  'CheckoutResult',
  'ColumnComparison',
  'CommitOptions',
  'CommitResult',
  'DatabaseAddress',
  'DatabaseState',
  'DatabaseSummary',
  'DiffOptions',
  'ErrorCode',
  'ErrorData',
  'ExportOptions',
  'ExportedCommit',
  'ExportedFile',
  'Finding',
  'FindingCode',
  'FsckReport',
  'HeadValue',
  'LargeObjectChanges',
  'LiveStateOptions',
  'Loss',
  'MoveReason',
  'PartOfDatabase',
  'Phase',
  'PostgresErrorData',
  'Ref',
  'RefMove',
  'RefReason',
  'RefRecord',
  'RefStore',
  'RelationName',
  'Rename',
  'Reporter',
  'RestoredTotals',
  'RowChange',
  'RowCounts',
  'RowDiffOptions',
  'RowFormat',
  'SchemaDifference',
  'SchemaEntryChange',
  'SchemaStep',
  'SequenceStep',
  'Session',
  'SessionOptions',
  'SnapEvent',
  'StateDiff',
  'TableChange',
  'TableDiff',
  'TablePair',
  'TableStep',
  'Transition',
  'TransitionGap',
  'TransitionRows',
  'ValueChange',
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

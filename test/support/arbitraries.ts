import fc from 'fast-check'
import { MAX_OBJECT_BYTES } from '../../src/format/limits.ts'
import type { LockRecord } from '../../src/format/lock-record.ts'
import type {
  OperationEnd,
  OperationKept,
  OperationStart,
} from '../../src/format/operation-record.ts'
import type { PrunedRecord } from '../../src/format/pruned-record.ts'
import type { RefReason, RefRecord } from '../../src/format/ref-record.ts'
import type { StoreFile } from '../../src/format/store-file.ts'
import type {
  CatalogFact,
  ChunkRef,
  Commit,
  CommittedSource,
  LargeObjectEntry,
  ManifestNode,
  ManifestRef,
  ObjectId,
  SchemaEntry,
  SequenceState,
  Tree,
} from '../../src/format/values.ts'

/** Arbitrary values of every stored type; strings hold any code units, lone surrogates included. */
export const anyString = fc.string({ unit: 'binary', maxLength: 12 })
const anyCount = fc.maxSafeNat()
const hexDigits = (count: number) =>
  fc
    .uint8Array({ minLength: count / 2, maxLength: count / 2 })
    .map((b) => Buffer.from(b).toString('hex'))

export const anyObjectId = hexDigits(64) as fc.Arbitrary<ObjectId>
const anyTimestamp = fc
  .date({ min: new Date('1970-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString())
const anyAuthor = fc.record({ name: anyString, email: anyString })

export const anyJson: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    anyString,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(anyString, tie('value'), { maxKeys: 4 }),
  ),
})).value

export const anyChunkRef: fc.Arbitrary<ChunkRef> = fc
  .record({ id: anyObjectId, sizeBytes: fc.integer({ min: 1, max: MAX_OBJECT_BYTES }) })
  .chain(({ id, sizeBytes }) =>
    fc.integer({ min: 0, max: sizeBytes }).map((rowCount) => ({ id, sizeBytes, rowCount })),
  )

export const anyManifestRef: fc.Arbitrary<ManifestRef> = fc.record({
  rootId: anyObjectId,
  sizeBytes: anyCount,
  rowCount: anyCount,
  chunkCount: anyCount,
})

const anyChild: fc.Arbitrary<ManifestRef> = fc
  .record({ rootId: anyObjectId, sizeBytes: fc.maxSafeNat().map((n) => Math.max(1, n)) })
  .chain(({ rootId, sizeBytes }) =>
    fc.record({
      rootId: fc.constant(rootId),
      sizeBytes: fc.constant(sizeBytes),
      rowCount: fc.maxSafeNat().map((n) => n % (sizeBytes + 1)),
      chunkCount: fc.maxSafeNat().map((n) => 1 + (n % sizeBytes)),
    }),
  )

export const anyManifestNode: fc.Arbitrary<ManifestNode> = fc.oneof(
  fc.array(anyChunkRef, { maxLength: 20 }).map((chunks) => ({ level: 0 as const, chunks })),
  fc.record({
    level: fc.integer({ min: 1, max: 8 }),
    children: fc.array(anyChild, { minLength: 1, maxLength: 20 }),
  }),
)

function byName<T extends { namespace: string; name: string }>(item: fc.Arbitrary<T>) {
  const key = ({ namespace, name }: T) => JSON.stringify([namespace, name])
  return fc
    .uniqueArray(item, { maxLength: 5, selector: key })
    .map((items) => items.toSorted(compareNames))
}

function compareNames(
  a: { namespace: string; name: string },
  b: { namespace: string; name: string },
): number {
  if (a.namespace !== b.namespace) return a.namespace < b.namespace ? -1 : 1
  return a.name < b.name ? -1 : 1
}

export const anyTree: fc.Arbitrary<Tree> = fc.record({
  schema: anyManifestRef,
  tables: byName(
    fc.record({
      namespace: anyString,
      name: anyString,
      columns: fc.array(anyString, { maxLength: 4 }),
      extension: fc.option(fc.record({ name: anyString, condition: anyString })),
      rows: fc.option(anyManifestRef),
    }),
  ),
  materializedViews: byName(
    fc.record({ namespace: anyString, name: anyString, isPopulated: fc.boolean() }),
  ),
  sequences: anyManifestRef,
  largeObjects: fc.record({ metadata: anyManifestRef, pages: anyManifestRef }),
})

const anyStrings = fc.array(anyString, { maxLength: 3 })

const anyLsn = fc
  .tuple(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff))
  .map((halves) => halves.map((half) => half.toString(16).toUpperCase()).join('/'))

const anyBareCommit: fc.Arbitrary<Commit> = fc.record({
  treeId: anyObjectId,
  parentIds: fc.array(anyObjectId, { maxLength: 3 }),
  purpose: fc.constantFrom('user', 'safety', 'guard'),
  message: anyString,
  author: anyAuthor,
  createdAt: anyTimestamp,
  database: fc
    .record({
      name: anyString,
      systemIdentifier: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String)),
      serverVersion: anyString,
      serverVersionNumber: anyCount,
      encoding: anyString,
      collate: anyString,
      ctype: anyString,
      lsn: fc.option(anyLsn),
      snapshotAt: anyTimestamp,
    })
    .chain((database) =>
      fc.option(fc.nat(0xffff_ffff)).map((oid) => (oid === null ? database : { ...database, oid })),
    ),
  tools: fc.record({ snap: anyString, pgDump: anyString }),
  selection: fc.record({
    tables: anyStrings,
    excludeTables: anyStrings,
    excludeTableData: anyStrings,
    schemas: anyStrings,
    excludeSchemas: anyStrings,
  }),
  catalog: anyManifestRef,
  notCaptured: fc.array(fc.record({ kind: anyString, name: anyString, reason: anyString }), {
    maxLength: 3,
  }),
  migrations: fc.array(fc.record({ tool: anyString, table: anyString, heads: anyStrings }), {
    maxLength: 3,
  }),
  git: fc.option(fc.record({ branch: fc.option(anyString), commit: hexDigits(40) })),
})

const anyMoment = { startedAt: anyTimestamp, endedAt: anyTimestamp }

const anySources: fc.Arbitrary<CommittedSource[]> = fc
  .uniqueArray(
    fc.oneof(
      fc.record({
        kind: fc.constant('files' as const),
        name: anyString,
        ...anyMoment,
        root: anyString,
        patterns: anyStrings,
        exclude: anyStrings,
        entries: anyManifestRef,
        contents: anyManifestRef,
      }),
      fc.record({
        kind: fc.constant('command' as const),
        name: anyString,
        ...anyMoment,
        output: anyManifestRef,
      }),
    ),
    { minLength: 1, maxLength: 3, selector: ({ name }) => name },
  )
  .map((sources) => sources.sort((a, b) => (a.name < b.name ? -1 : 1)))

const anyWalBase = fc.record(
  {
    serverStartedAt: anyTimestamp.map((time) => time.replace('Z', '123Z')),
    settledLsn: anyLsn,
    tables: anyManifestRef,
    ranges: anyManifestRef,
  },
  { requiredKeys: ['serverStartedAt', 'settledLsn', 'tables'] },
)

export const anyCommit: fc.Arbitrary<Commit> = fc
  .tuple(
    anyBareCommit,
    fc.option(anySources, { nil: undefined }),
    fc.option(anyWalBase, { nil: undefined }),
  )
  .map(([commit, sources, walBase]) =>
    sources === undefined && walBase === undefined
      ? commit
      : {
          ...commit,
          database: { oid: 0, ...commit.database },
          ...(sources === undefined ? {} : { sources }),
          ...(walBase === undefined ? {} : { walBase }),
        },
  )

const anyReason: fc.Arbitrary<RefReason> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('init', 'commit', 'safety', 'branch', 'tag', 'pin', 'delete'),
    message: anyString,
  }),
  fc.record(
    {
      kind: fc.constantFrom('checkout', 'undo'),
      message: anyString,
      previousHead: fc.record({ targetRef: fc.option(anyString), id: fc.option(anyObjectId) }),
      safetyCommitId: fc.option(anyObjectId),
      restoredCommitId: anyObjectId,
      part: fc.record({
        relations: fc.array(fc.record({ namespace: anyString, name: anyString }), { maxLength: 2 }),
        others: fc.array(
          fc.record({ kind: anyString, namespace: fc.option(anyString), name: anyString }),
          { maxLength: 2 },
        ),
      }),
    },
    {
      requiredKeys: ['kind', 'message', 'previousHead', 'safetyCommitId', 'restoredCommitId'],
    },
  ),
)

export const anyRefRecord: fc.Arbitrary<RefRecord> = fc.record({
  refName: anyString,
  sequence: anyCount,
  oldId: fc.option(anyObjectId),
  newId: fc.option(anyObjectId),
  oldTargetRef: fc.option(anyString),
  newTargetRef: fc.option(anyString),
  at: anyTimestamp,
  author: anyAuthor,
  reason: anyReason,
})

export const anyLockRecord: fc.Arbitrary<LockRecord> = fc.record({
  pid: anyCount,
  host: anyString,
  processStart: fc.option(anyString),
  operation: anyString,
  mode: fc.constantFrom('shared', 'exclusive'),
  startedAt: anyTimestamp,
})

export const anyStoreFile: fc.Arbitrary<StoreFile> = fc.record({
  storeId: hexDigits(32),
  createdAt: anyTimestamp,
  features: fc.constant([]),
})

export const anySchemaEntry: fc.Arbitrary<SchemaEntry> = fc.record({
  kind: anyString,
  namespace: fc.option(anyString),
  name: anyString,
  owner: fc.option(anyString),
  section: fc.constantFrom('none', 'preData', 'data', 'postData'),
  definition: fc.option(anyString),
  dropStatement: fc.option(anyString),
  tableAccessMethod: fc.option(anyString),
  tablespace: fc.option(anyString),
})

export const anySequenceState: fc.Arbitrary<SequenceState> = fc.record({
  namespace: anyString,
  name: anyString,
  lastValue: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  isCalled: fc.boolean(),
})

export const anyLargeObjectEntry: fc.Arbitrary<LargeObjectEntry> = fc.record({
  oid: fc.nat(0xffff_ffff),
  owner: anyString,
  acl: fc.option(anyString),
  comment: fc.option(anyString),
})

export const anyCatalogFact: fc.Arbitrary<CatalogFact> = fc.record(
  {
    entry: anyCount,
    classOid: fc.nat(0xffff_ffff),
    oid: fc.nat(0xffff_ffff),
    dependsOn: fc.array(anyCount, { maxLength: 4 }),
    columns: fc.array(fc.option(anyString), { maxLength: 4 }),
  },
  { requiredKeys: ['entry', 'classOid', 'oid', 'dependsOn'] },
)

const anyOperationNumber = anyCount.filter((number) => number > 0)

export const anyOperationStart: fc.Arbitrary<OperationStart> = fc.record({
  number: anyOperationNumber,
  command: fc.constantFrom('commit', 'rollback', 'a-b'),
  arguments: fc.array(anyString, { maxLength: 4 }),
  database: fc.option(anyString),
  withinNumber: fc.option(anyOperationNumber),
  user: anyString,
  host: anyString,
  pid: anyCount,
  processStart: fc.option(anyString),
  startedAt: anyTimestamp,
})

export const anyOperationKept: fc.Arbitrary<OperationKept> = fc.record({
  number: anyOperationNumber,
  commitId: anyObjectId,
  head: fc.record({ id: fc.option(anyObjectId), targetRef: fc.option(anyString) }),
  keptAt: anyTimestamp,
})

export const anyOperationEnd: fc.Arbitrary<OperationEnd> = fc.record({
  number: anyOperationNumber,
  finishedAt: anyTimestamp,
  outcome: fc.constantFrom('done', 'failed', 'rolledBack'),
  exitCode: anyCount,
  errorCode: fc.option(anyString),
  databaseChange: fc.constantFrom('none', 'changed', 'unknown'),
  changes: fc.option(
    fc.record({
      tableCount: anyCount,
      insertedRowCount: anyCount,
      deletedRowCount: anyCount,
      updatedRowCount: anyCount,
      schemaEntryCount: anyCount,
    }),
  ),
  commitBefore: fc.option(anyObjectId),
  commitAfter: fc.option(anyObjectId),
  takenBackId: fc.option(anyObjectId),
})

export const anyPrunedRecord: fc.Arbitrary<PrunedRecord> = fc
  .uniqueArray(
    fc.record({
      id: anyObjectId,
      parentIds: fc.array(anyObjectId, { maxLength: 3 }),
      prunedAt: anyTimestamp,
    }),
    { maxLength: 5, selector: ({ id }) => id },
  )
  .map((commits) => ({ commits: commits.sort((a, b) => (a.id < b.id ? -1 : 1)) }))

import { decodeCanonicalJson, encodeCanonicalJson } from './canonical-json.ts'
import { manifestRef } from './manifest-ref.ts'
import { decodeVersionedObject, encodeMetadataObject } from './metadata-object.ts'
import * as shape from './shape.ts'
import type {
  Commit,
  CommittedFiles,
  CommittedOutput,
  CommittedSource,
  ManifestRef,
  MigrationHead,
  NotCaptured,
  Selection,
  WalBase,
} from './values.ts'

type Database = Commit['database']

const lsn = shape.text(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/, 'a log position as 0/16B3748')

const databaseFields = {
  name: shape.string,
  systemIdentifier: shape.nullable(shape.text(/^[0-9]{1,20}$/, 'decimal digits')),
  serverVersion: shape.string,
  serverVersionNumber: shape.count,
  encoding: shape.string,
  collate: shape.string,
  ctype: shape.string,
  lsn: shape.nullable(lsn),
  snapshotAt: shape.timestamp,
}

const commitFields = {
  treeId: shape.objectId,
  parentIds: shape.arrayOf(shape.objectId),
  purpose: shape.oneOf('user', 'safety', 'guard'),
  message: shape.string,
  author: shape.object<Commit['author']>({ name: shape.string, email: shape.string }),
  createdAt: shape.timestamp,
  tools: shape.object<Commit['tools']>({ snap: shape.string, pgDump: shape.string }),
  selection: shape.object<Selection>({
    tables: shape.arrayOf(shape.string),
    excludeTables: shape.arrayOf(shape.string),
    excludeTableData: shape.arrayOf(shape.string),
    schemas: shape.arrayOf(shape.string),
    excludeSchemas: shape.arrayOf(shape.string),
  }),
  catalog: manifestRef,
  notCaptured: shape.arrayOf(
    shape.object<NotCaptured>({ kind: shape.string, name: shape.string, reason: shape.string }),
  ),
  migrations: shape.arrayOf(
    shape.object<MigrationHead>({
      tool: shape.string,
      table: shape.string,
      heads: shape.arrayOf(shape.string),
    }),
  ),
  git: shape.nullable(
    shape.object<NonNullable<Commit['git']>>({
      branch: shape.nullable(shape.string),
      commit: shape.text(/^([0-9a-f]{40}|[0-9a-f]{64})$/, 'a git object id'),
    }),
  ),
}

const walBaseFields = {
  serverStartedAt: shape.text(
    /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$/,
    'a time as 2026-01-31T12:00:00.000000Z',
  ),
  settledLsn: lsn,
  tables: manifestRef,
}

type BareWalBase = Omit<WalBase, 'ranges'>
type WalBaseWithRanges = BareWalBase & { ranges: ManifestRef }

type FormatVersion = 1 | 2 | 3 | 4 | 5
type BareCommit = Omit<Commit, 'sources' | 'walBase'>

const databaseWithOid = shape.object<Database & { oid: number }>({
  ...databaseFields,
  oid: shape.count,
})

const moment = { name: shape.string, startedAt: shape.timestamp, endedAt: shape.timestamp }

const source = shape.oneOfKinds<CommittedSource>({
  files: shape.object<CommittedFiles>({
    ...moment,
    kind: shape.oneOf('files'),
    root: shape.string,
    patterns: shape.arrayOf(shape.string),
    exclude: shape.arrayOf(shape.string),
    entries: manifestRef,
    contents: manifestRef,
  }),
  command: shape.object<CommittedOutput>({
    ...moment,
    kind: shape.oneOf('command'),
    output: manifestRef,
  }),
})

/**
 * Version 2 knows the database by OID too, and its catalog the columns of tables. Version 3 holds
 * other datastores besides; a commit without any is never of version 3. Version 4 tells from where
 * on the log says what has changed, with or without other datastores, and version 5 how much large
 * tables held at which of their blocks.
 */
const shapes: Record<FormatVersion, shape.Shape<Commit>> = {
  1: shape.object<BareCommit>({
    ...commitFields,
    database: shape.object<Database>(databaseFields),
  }),
  2: shape.object<BareCommit>({ ...commitFields, database: databaseWithOid }),
  3: shape.object<BareCommit & { sources: CommittedSource[] }>({
    ...commitFields,
    database: databaseWithOid,
    sources: sourcesByName,
  }),
  4: shape.object<BareCommit & { sources?: CommittedSource[]; walBase: BareWalBase }>(
    {
      ...commitFields,
      database: databaseWithOid,
      walBase: shape.object<BareWalBase>(walBaseFields),
    },
    { sources: sourcesByName },
  ),
  5: shape.object<BareCommit & { sources?: CommittedSource[]; walBase: WalBaseWithRanges }>(
    {
      ...commitFields,
      database: databaseWithOid,
      walBase: shape.object<WalBaseWithRanges>({ ...walBaseFields, ranges: manifestRef }),
    },
    { sources: sourcesByName },
  ),
}

function sourcesByName(value: unknown, path: string): CommittedSource[] {
  const sources = shape.arrayOf(source)(value, path)
  if (sources.length === 0) shape.mismatch(path, 'at least one source', sources)
  for (const [position, { name }] of sources.entries()) {
    const previous = sources[position - 1]
    if (previous !== undefined && previous.name >= name) {
      shape.mismatch(`${path}[${position}]`, 'ascending names', name)
    }
  }
  return sources
}

/**
 * Encodes a commit object. Equal commits have equal bytes.
 *
 * @throws OBJECT_CORRUPT  `value` has a field of the wrong type or form
 * @see store-format.md §5.2 "Commit"
 */
export function encodeCommit(value: Commit): Uint8Array {
  const formatVersion = formatVersionOf(value)
  const commit = shapes[formatVersion](value, 'commit')
  return encodeMetadataObject('commit', formatVersion, encodeCanonicalJson(commit))
}

/** The lowest that has room for what the commit holds, so that equal commits have equal bytes. */
function formatVersionOf({ walBase, sources, database }: Commit): FormatVersion {
  if (walBase !== undefined) return walBase.ranges === undefined ? 4 : 5
  if (sources !== undefined) return 3
  return database.oid === undefined ? 1 : 2
}

/**
 * Decodes a commit object.
 *
 * @throws OBJECT_KIND_UNEXPECTED  the bytes are no commit
 * @throws FORMAT_UNSUPPORTED      they are one of an unknown version
 * @throws OBJECT_CORRUPT          they are not the canonical encoding of a commit
 */
export function decodeCommit(bytes: Uint8Array): Commit {
  const { formatVersion, body } = decodeVersionedObject('commit', [1, 2, 3, 4, 5], bytes)
  return shapes[formatVersion](decodeCanonicalJson(body), 'commit')
}

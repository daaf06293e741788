import { parseFileName } from './file-name.ts'
import * as shape from './shape.ts'
import type {
  CatalogFact,
  FileEntry,
  LargeObjectEntry,
  SchemaEntry,
  SequenceState,
  TableRanges,
  TableState,
} from './values.ts'

/** The rows of a commit's JSON streams; each function is a `check` for `decodeJsonLines`. */

const schemaEntry = shape.object<SchemaEntry>({
  kind: shape.string,
  namespace: shape.nullable(shape.string),
  name: shape.string,
  owner: shape.nullable(shape.string),
  section: shape.oneOf('none', 'preData', 'data', 'postData'),
  definition: shape.nullable(shape.string),
  dropStatement: shape.nullable(shape.string),
  tableAccessMethod: shape.nullable(shape.string),
  tablespace: shape.nullable(shape.string),
})

const sequenceState = shape.object<SequenceState>({
  namespace: shape.string,
  name: shape.string,
  lastValue: shape.text(/^(0|-?[1-9][0-9]{0,18})$/, 'a decimal bigint'),
  isCalled: shape.boolean,
})

const largeObjectEntry = shape.object<LargeObjectEntry>({
  oid: shape.count,
  owner: shape.string,
  acl: shape.nullable(shape.string),
  comment: shape.nullable(shape.string),
})

const catalogFact = shape.object<CatalogFact>(
  {
    entry: shape.count,
    classOid: shape.count,
    oid: shape.count,
    dependsOn: shape.arrayOf(shape.count),
  },
  { columns: shape.arrayOf(shape.nullable(shape.string)) },
)

const tableState = shape.object<TableState>({
  namespace: shape.string,
  name: shape.string,
  stateId: shape.text(/^[0-9a-f]{64}$/, '64 hex digits'),
})

const tableRanges = shape.object<TableRanges>({
  namespace: shape.string,
  name: shape.string,
  blockCount: shape.count,
  firstRange: shape.count,
  sizesBytes: shape.arrayOf(shape.count),
})

/** Neither absolute nor leading out of the root, so that nothing else can be written by a restore. */
const filePath: shape.Shape<string> = (value, path) => {
  const text = shape.string(value, path)
  const isBelow =
    !text.includes('\0') && text.split('/').every((part) => !['', '.', '..'].includes(part))
  if (!isBelow) shape.mismatch(path, 'a path below the root', text)
  parseFileName(text)
  return text
}

const linkTarget: shape.Shape<string> = (value, path) => {
  const text = shape.string(value, path)
  if (text === '' || text.includes('\0')) shape.mismatch(path, 'the target of a link', text)
  parseFileName(text)
  return text
}

const mode: shape.Shape<number> = (value, path) => {
  const bits = shape.count(value, path)
  return bits <= 0o7777 ? bits : shape.mismatch(path, 'permission bits', value)
}

const fileEntry = shape.oneOfKinds<FileEntry>({
  file: shape.object<Extract<FileEntry, { kind: 'file' }>>({
    kind: shape.oneOf('file'),
    path: filePath,
    mode,
    modifiedAtUs: shape.integer,
    sizeBytes: shape.count,
    contentId: shape.objectId,
  }),
  directory: shape.object<Extract<FileEntry, { kind: 'directory' }>>({
    kind: shape.oneOf('directory'),
    path: filePath,
    mode,
    modifiedAtUs: shape.integer,
  }),
  symlink: shape.object<Extract<FileEntry, { kind: 'symlink' }>>({
    kind: shape.oneOf('symlink'),
    path: filePath,
    target: linkTarget,
  }),
})

/** @throws OBJECT_CORRUPT  when `value` is not a `SchemaEntry` */
export function checkSchemaEntry(value: unknown): SchemaEntry {
  return schemaEntry(value, 'schema entry')
}

/** @throws OBJECT_CORRUPT  when `value` is not a `SequenceState` */
export function checkSequenceState(value: unknown): SequenceState {
  return sequenceState(value, 'sequence')
}

/** @throws OBJECT_CORRUPT  when `value` is not a `LargeObjectEntry` */
export function checkLargeObjectEntry(value: unknown): LargeObjectEntry {
  return largeObjectEntry(value, 'large object')
}

/** @throws OBJECT_CORRUPT  when `value` is not a `CatalogFact` */
export function checkCatalogFact(value: unknown): CatalogFact {
  return catalogFact(value, 'catalog fact')
}

/** @throws OBJECT_CORRUPT  when `value` is not a `FileEntry` */
export function checkFileEntry(value: unknown): FileEntry {
  return fileEntry(value, 'file entry')
}

/** @throws OBJECT_CORRUPT  when `value` is not a `TableState` */
export function checkTableState(value: unknown): TableState {
  return tableState(value, 'table state')
}

/** @throws OBJECT_CORRUPT  when `value` is not a `TableRanges` */
export function checkTableRanges(value: unknown): TableRanges {
  return tableRanges(value, 'table ranges')
}

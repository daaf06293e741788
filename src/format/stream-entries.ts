import * as shape from './shape.ts'
import type { CatalogFact, LargeObjectEntry, SchemaEntry, SequenceState } from './values.ts'

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

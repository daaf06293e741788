import type { HeadValue } from './ref-record.ts'
import * as shape from './shape.ts'
import { decodeTextRecord, encodeTextRecord, type TextRecordKind } from './text-record.ts'
import type { ObjectId } from './values.ts'

const OPERATION_VERSION = 1

/** That an operation was begun: by whom, where, with which words. */
export interface OperationStart {
  /** 1 and up; also in the key. */
  number: number
  /** `checkout`, `run`, …: the command's own name. */
  command: string
  /** What followed the program's name, secrets cut. */
  arguments: string[]
  /** `user@host:port/name`, never a secret; null where no database is needed. */
  database: string | null
  /** The operation whose command started this one. */
  withinNumber: number | null
  user: string
  host: string
  pid: number
  /** Differs between two processes that had the same pid; null where the system does not tell. */
  processStart: string | null
  startedAt: string
}

/** That the state before is a commit: written before anything is changed. */
export interface OperationKept {
  number: number
  commitId: ObjectId
  /** Where HEAD belongs when the database is in that state. */
  head: HeadValue
  keptAt: string
}

/** How an operation ended. */
export interface OperationEnd {
  number: number
  finishedAt: string
  /** `rolledBack`: something was changed and taken back. */
  outcome: 'done' | 'failed' | 'rolledBack'
  /** What the program ended with; of a command that was run, what that ended with. */
  exitCode: number
  /** Of the error that ended it. */
  errorCode: string | null
  /** Whether the database is another than before, as far as anybody looked. */
  databaseChange: 'none' | 'changed' | 'unknown'
  /** Null when nobody counted. */
  changes: OperationChanges | null
  /** The commit whose state the database had before; of a commit, its parent. */
  commitBefore: ObjectId | null
  /** The commit whose state it had at the end; null when none holds it. */
  commitAfter: ObjectId | null
  /** The commit of what was taken back. */
  takenBackId: ObjectId | null
}

export interface OperationChanges {
  tableCount: number
  insertedRowCount: number
  deletedRowCount: number
  updatedRowCount: number
  schemaEntryCount: number
}

const operationNumber: shape.Shape<number> = (value, path) => {
  const number = shape.count(value, path)
  return number > 0 ? number : shape.mismatch(path, 'a number of 1 and up', value)
}

const head = shape.object<HeadValue>({
  id: shape.nullable(shape.objectId),
  targetRef: shape.nullable(shape.string),
})

const changes = shape.object<OperationChanges>({
  tableCount: shape.count,
  insertedRowCount: shape.count,
  deletedRowCount: shape.count,
  updatedRowCount: shape.count,
  schemaEntryCount: shape.count,
})

interface RecordType<T> {
  kind: TextRecordKind
  check: shape.Shape<T>
}

const start: RecordType<OperationStart> = {
  kind: 'operation',
  check: shape.object<OperationStart>({
    number: operationNumber,
    command: shape.text(/^[a-z][a-z-]*$/, 'the name of a command'),
    arguments: shape.arrayOf(shape.string),
    database: shape.nullable(shape.string),
    withinNumber: shape.nullable(operationNumber),
    user: shape.string,
    host: shape.string,
    pid: shape.count,
    processStart: shape.nullable(shape.string),
    startedAt: shape.timestamp,
  }),
}

const kept: RecordType<OperationKept> = {
  kind: 'kept',
  check: shape.object<OperationKept>({
    number: operationNumber,
    commitId: shape.objectId,
    head,
    keptAt: shape.timestamp,
  }),
}

const end: RecordType<OperationEnd> = {
  kind: 'ended',
  check: shape.object<OperationEnd>({
    number: operationNumber,
    finishedAt: shape.timestamp,
    outcome: shape.oneOf('done', 'failed', 'rolledBack'),
    exitCode: shape.count,
    errorCode: shape.nullable(shape.string),
    databaseChange: shape.oneOf('none', 'changed', 'unknown'),
    changes: shape.nullable(changes),
    commitBefore: shape.nullable(shape.objectId),
    commitAfter: shape.nullable(shape.objectId),
    takenBackId: shape.nullable(shape.objectId),
  }),
}

/** The three records of one operation, by the last part of their keys. */
export interface OperationRecords {
  start: OperationStart
  kept: OperationKept
  end: OperationEnd
}

export type OperationRecordName = keyof OperationRecords

const TYPES: { [N in OperationRecordName]: RecordType<OperationRecords[N]> } = { start, kept, end }

/** Encodes one record of an operation. @see store-format.md §7.1 "Operations" */
export function encodeOperationRecord<N extends OperationRecordName>(
  name: N,
  value: OperationRecords[N],
): Uint8Array {
  const { kind, check } = TYPES[name]
  return encodeTextRecord(kind, OPERATION_VERSION, check(value, `${name} record`))
}

/**
 * Decodes one record of an operation.
 *
 * @param key  where the bytes were read, for the message
 * @throws STORE_CORRUPT       the record is damaged
 * @throws FORMAT_UNSUPPORTED  it is of an unknown version
 */
export function decodeOperationRecord<N extends OperationRecordName>(
  name: N,
  bytes: Uint8Array,
  key: string,
): OperationRecords[N] {
  const { kind, check } = TYPES[name]
  return decodeTextRecord(bytes, {
    key,
    kind,
    formatVersion: OPERATION_VERSION,
    check: (value) => check(value, `${name} record`),
  })
}

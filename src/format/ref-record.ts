import * as shape from './shape.ts'
import { decodeTextRecord, encodeTextRecord } from './text-record.ts'
import type { ObjectId } from './values.ts'

const REF_VERSION = 1

export interface Author {
  name: string
  email: string
}

/** Where HEAD points: at a ref (`targetRef`), or detached at a commit. `id` is the commit it comes to; null on an unborn branch. */
export interface HeadValue {
  targetRef: string | null
  id: ObjectId | null
}

/** Why a ref moved. */
export type RefReason = MoveReason | CheckoutReason

export interface MoveReason {
  kind: 'init' | 'commit' | 'safety' | 'branch' | 'tag' | 'pin' | 'delete'
  message: string
}

/** Recorded in HEAD's series; holds all that taking the checkout back needs. */
export interface CheckoutReason {
  kind: 'checkout' | 'undo'
  message: string
  previousHead: HeadValue
  /** The commit of the live state made before the database was changed; null with `--no-safety`. */
  safetyCommitId: ObjectId | null
  restoredCommitId: ObjectId
  /** Absent unless only some objects were restored; then HEAD stayed, and taking it back is about these alone. */
  part?: PartOfDatabase
}

/** Some of a database's objects, each with what belongs to it: a table with its rows, indexes, grants. */
export interface PartOfDatabase {
  /** Tables, views and sequences. */
  relations: { namespace: string; name: string }[]
  /** What else they needed. */
  others: { kind: string; namespace: string | null; name: string }[]
}

/**
 * One move of one ref. A ref is the numbered series of its moves: the last is
 * its value, all of them are its reflog.
 */
export interface RefRecord {
  refName: string
  /** Place in the series; the first move is 1. */
  sequence: number
  oldId: ObjectId | null
  /** Null: the ref is deleted, or HEAD points at an unborn branch. */
  newId: ObjectId | null
  /** HEAD only: the ref it points at; null when detached. Null for every other ref. */
  oldTargetRef: string | null
  newTargetRef: string | null
  at: string
  author: Author
  reason: RefReason
}

const headValue = shape.object<HeadValue>({
  targetRef: shape.nullable(shape.string),
  id: shape.nullable(shape.objectId),
})

const moveReason = shape.object<MoveReason>({
  kind: shape.oneOf('init', 'commit', 'safety', 'branch', 'tag', 'pin', 'delete'),
  message: shape.string,
})

const checkoutFields = {
  kind: shape.oneOf('checkout', 'undo'),
  message: shape.string,
  previousHead: headValue,
  safetyCommitId: shape.nullable(shape.objectId),
  restoredCommitId: shape.objectId,
}

const checkoutReason = shape.object<Omit<CheckoutReason, 'part'>>(checkoutFields)

const partialCheckoutReason = shape.object<Required<CheckoutReason>>({
  ...checkoutFields,
  part: shape.object<PartOfDatabase>({
    relations: shape.arrayOf(shape.object({ namespace: shape.string, name: shape.string })),
    others: shape.arrayOf(
      shape.object({
        kind: shape.string,
        namespace: shape.nullable(shape.string),
        name: shape.string,
      }),
    ),
  }),
})

const reason: shape.Shape<RefReason> = (value, path) => {
  const kind = (value as { kind?: unknown } | null)?.kind
  if (kind !== 'checkout' && kind !== 'undo') return moveReason(value, path)
  return Object.hasOwn(value as object, 'part')
    ? partialCheckoutReason(value, path)
    : checkoutReason(value, path)
}

const refRecord = shape.object<RefRecord>({
  refName: shape.string,
  sequence: shape.count,
  oldId: shape.nullable(shape.objectId),
  newId: shape.nullable(shape.objectId),
  oldTargetRef: shape.nullable(shape.string),
  newTargetRef: shape.nullable(shape.string),
  at: shape.timestamp,
  author: shape.object<Author>({ name: shape.string, email: shape.string }),
  reason,
})

/**
 * Encodes one ref record.
 *
 * @see store-format.md §6 "Refs"
 */
export function encodeRefRecord(value: RefRecord): Uint8Array {
  return encodeTextRecord('ref', REF_VERSION, refRecord(value, 'ref record'))
}

/**
 * Decodes one ref record.
 *
 * @param key  where the bytes were read, for the message
 * @throws STORE_CORRUPT       the record is damaged
 * @throws FORMAT_UNSUPPORTED  it is of an unknown version
 */
export function decodeRefRecord(bytes: Uint8Array, key: string): RefRecord {
  return decodeTextRecord(bytes, {
    key,
    kind: 'ref',
    formatVersion: REF_VERSION,
    check: (value) => refRecord(value, 'ref record'),
  })
}

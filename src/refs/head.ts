import { SnapError } from '../errors.ts'
import type { Author, HeadValue, RefReason, RefRecord } from '../format/ref-record.ts'
import { HEAD } from './ref-name.ts'
import type { RefStore } from './ref-store.ts'

/** One move of HEAD. */
export interface HeadMove {
  /** The value the caller saw. */
  expected: HeadValue
  /** With `targetRef`, HEAD points at that ref, and `id` is what the ref is at; without, HEAD is detached at `id`. */
  next: HeadValue
  reason: RefReason
  author: Author
  at: Date
}

/**
 * Reads where HEAD points, and resolves it to a commit.
 *
 * `id` is null on an unborn branch: one that HEAD points at and that has no commit yet.
 *
 * @throws REF_MISSING  the store has no HEAD
 */
export async function readHead(refs: RefStore): Promise<HeadValue> {
  return resolveHead(refs, await readHeadRecord(refs))
}

/**
 * Points HEAD elsewhere, or records that the branch it points at has moved.
 *
 * When the promise resolves the move is durable.
 *
 * @throws REF_CONFLICT  HEAD is not where the caller saw it
 */
export async function moveHead(refs: RefStore, move: HeadMove): Promise<RefRecord> {
  const { expected, next, reason, author, at } = move
  for (;;) {
    const previous = await readHeadRecord(refs)
    const found = await resolveHead(refs, previous)
    if (!isSameHead(found, expected)) throw conflict(found, expected)
    const record = { newId: next.id, newTargetRef: next.targetRef, reason, author, at }
    const created = await refs.append(HEAD, previous, record)
    // Another record came first: if it left HEAD where it was, as that of a commit does, go on after it.
    if (created !== undefined) return created
  }
}

async function readHeadRecord(refs: RefStore): Promise<RefRecord> {
  const record = await refs.findRecord(HEAD)
  if (record !== undefined) return record
  throw new SnapError(
    'REF_MISSING',
    'the store has no HEAD',
    { refName: HEAD },
    { hint: "run 'snap fsck' to list what else is affected" },
  )
}

async function resolveHead(refs: RefStore, record: RefRecord): Promise<HeadValue> {
  const targetRef = record.newTargetRef
  if (targetRef === null) return { targetRef, id: record.newId }
  return { targetRef, id: (await refs.find(targetRef)) ?? null }
}

/** A symbolic HEAD is compared by the ref it names: the commit that ref is at moves on its own. */
function isSameHead(a: HeadValue, b: HeadValue): boolean {
  return a.targetRef === b.targetRef && (a.targetRef !== null || a.id === b.id)
}

function conflict(found: HeadValue, expected: HeadValue): SnapError {
  return new SnapError(
    'REF_CONFLICT',
    `cannot move HEAD: it points at ${describe(found)}, expected ${describe(expected)}`,
    { refName: HEAD, expected: describe(expected), found: describe(found) },
    { hint: 'another process moved it; run the command again' },
  )
}

function describe(head: HeadValue): string {
  return head.targetRef ?? head.id ?? 'nothing'
}

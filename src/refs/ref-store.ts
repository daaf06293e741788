import type { Backend } from '../backend/backend.ts'
import { findClosestName } from '../closest-name.ts'
import { SnapError } from '../errors.ts'
import { shortId } from '../format/object-id.ts'
import {
  type Author,
  decodeRefRecord,
  encodeRefRecord,
  type RefReason,
  type RefRecord,
} from '../format/ref-record.ts'
import type { ObjectId } from '../format/values.ts'
import {
  assertRefName,
  BRANCH_PREFIX,
  HEAD,
  parseRefRecordKey,
  refKeyPrefix,
  refRecordKey,
  shortRefName,
  TAG_PREFIX,
} from './ref-name.ts'

/** A ref that exists, with the move that gave it its value. */
export interface Ref {
  name: string
  id: ObjectId
  record: RefRecord
}

/** One move to make. */
export interface RefMove {
  name: string
  /** The value the caller saw; `null` when the ref did not exist. */
  expected: ObjectId | null
  next: ObjectId
  reason: RefReason
  author: Author
  at: Date
}

/** What `append` adds to a ref's series: a record less what follows from its place in it. */
export type NewRefRecord = Pick<RefRecord, 'newId' | 'newTargetRef' | 'reason' | 'author'> & {
  at: Date
}

/**
 * Reads and moves refs.
 *
 * A ref is the numbered series of its moves, each an immutable record. Creating
 * record n + 1 is the compare-and-swap: of two who saw record n, one creates it.
 * The series is the reflog, so value and reflog cannot disagree.
 */
export class RefStore {
  readonly #backend: Backend

  constructor(backend: Backend) {
    this.#backend = backend
  }

  /**
   * Returns the id a ref points at, or `undefined` when there is no such ref.
   *
   * @throws STORE_CORRUPT     its newest record is damaged
   * @throws REF_NAME_INVALID
   */
  async find(name: string): Promise<ObjectId | undefined> {
    return (await this.findRecord(name))?.newId ?? undefined
  }

  /** As `find`. @throws REF_MISSING  there is no such ref */
  async read(name: string): Promise<ObjectId> {
    const id = await this.find(name)
    if (id === undefined) {
      const guess = await this.#guess(name)
      throw new SnapError(
        'REF_MISSING',
        `there is no ref '${name}'`,
        { refName: name },
        guess === undefined ? {} : { hint: `did you mean ${shortRefName(guess)}?` },
      )
    }
    return id
  }

  /** The ref of the same kind that was probably meant. */
  async #guess(name: string): Promise<string | undefined> {
    const prefix = [BRANCH_PREFIX, TAG_PREFIX].find((each) => name.startsWith(each))
    if (prefix === undefined) return undefined
    const names: string[] = []
    for await (const ref of this.list(prefix)) names.push(ref.name.slice(prefix.length))
    const guess = findClosestName(name.slice(prefix.length), names)
    return guess === undefined ? undefined : prefix + guess
  }

  /** Returns a ref's newest record (which may say that it was deleted), or `undefined` when it never existed. */
  async findRecord(name: string): Promise<RefRecord | undefined> {
    const sequence = (await this.#listSequences(name)).at(-1)
    return sequence === undefined ? undefined : this.#readRecord(name, sequence)
  }

  /** Lists the refs whose names begin with `prefix` (`refs/heads/`), by name. Deleted ones are not among them. */
  async *list(prefix: string): AsyncIterable<Ref> {
    for (const [name, sequence] of await this.#listNewest(prefix)) {
      const record = await this.#readRecord(name, sequence)
      if (record.newId !== null) yield { name, id: record.newId, record }
    }
  }

  /**
   * Moves a ref, creating it when `expected` is null.
   *
   * When the promise resolves the move is durable.
   *
   * @throws REF_CONFLICT      the ref does not point at `expected`
   * @throws REF_EXISTS        it was to be created and exists, or `a/b` was and `a` exists, or the reverse
   * @throws REF_NAME_INVALID
   */
  async move(move: RefMove): Promise<RefRecord> {
    const { name, expected, next, reason, author, at } = move
    const previous = await this.findRecord(name)
    const found = previous?.newId ?? null
    if (found !== expected) throw expected === null ? exists(name) : conflict(move, found)
    if (expected === null) await this.#assertNameIsFree(name)
    const record = { newId: next, newTargetRef: null, reason, author, at }
    const created = await this.append(name, previous, record)
    if (created !== undefined) return created
    const foundNow = (await this.find(name)) ?? null
    throw expected === null && foundNow !== null ? exists(name) : conflict(move, foundNow)
  }

  /**
   * Deletes a ref. Its series stays, so it can still be read as a log.
   *
   * @throws REF_CONFLICT  the ref does not point at `expected`
   */
  async remove(
    removal: Omit<RefMove, 'next' | 'expected'> & { expected: ObjectId },
  ): Promise<void> {
    const { name, expected, reason, author, at } = removal
    const previous = await this.findRecord(name)
    const found = previous?.newId ?? null
    if (found !== expected) throw conflict(removal, found)
    const record = { newId: null, newTargetRef: null, reason, author, at }
    const created = await this.append(name, previous, record)
    if (created === undefined) throw conflict(removal, (await this.find(name)) ?? null)
  }

  /** Yields a ref's records, newest first; nothing when it never existed. */
  async *log(name: string): AsyncIterable<RefRecord> {
    for (const sequence of (await this.#listSequences(name)).toReversed()) {
      yield await this.#readRecord(name, sequence)
    }
  }

  /** Yields every record of every ref, HEAD's and deleted refs' too; of one ref, oldest first. */
  async *listRecords(): AsyncIterable<RefRecord> {
    for (const prefix of [refKeyPrefix(HEAD), 'refs/']) {
      for await (const { key } of this.#backend.list(prefix)) {
        const place = parseRefRecordKey(key)
        if (place !== undefined) yield await this.#readRecord(place.refName, place.sequence)
      }
    }
  }

  /**
   * Adds the record that follows `previous` in a ref's series.
   *
   * @returns  the record, durable; `undefined` when another was added after `previous` first
   */
  async append(
    name: string,
    previous: RefRecord | undefined,
    next: NewRefRecord,
  ): Promise<RefRecord | undefined> {
    assertRefName(name)
    const record: RefRecord = {
      refName: name,
      sequence: (previous?.sequence ?? 0) + 1,
      oldId: previous?.newId ?? null,
      oldTargetRef: previous?.newTargetRef ?? null,
      newId: next.newId,
      newTargetRef: next.newTargetRef,
      at: next.at.toISOString(),
      author: next.author,
      reason: next.reason,
    }
    const key = refRecordKey(name, record.sequence)
    const outcome = await this.#backend.create(key, [encodeRefRecord(record)])
    return outcome === 'created' ? record : undefined
  }

  async #listSequences(name: string): Promise<number[]> {
    assertRefName(name)
    const sequences: number[] = []
    for await (const { key } of this.#backend.list(refKeyPrefix(name))) {
      const place = parseRefRecordKey(key)
      // Records of `main/x`, which may exist once `main` is deleted, lie below the same prefix.
      if (place?.refName === name) sequences.push(place.sequence)
    }
    return sequences
  }

  async #listNewest(prefix: string): Promise<[string, number][]> {
    const newest = new Map<string, number>()
    for await (const { key } of this.#backend.list('refs/')) {
      const place = parseRefRecordKey(key)
      if (place?.refName.startsWith(prefix)) newest.set(place.refName, place.sequence)
    }
    return [...newest].sort(([a], [b]) => (a < b ? -1 : 1))
  }

  async #readRecord(name: string, sequence: number): Promise<RefRecord> {
    const key = refRecordKey(name, sequence)
    const record = decodeRefRecord(await this.#backend.read(key), key)
    if (record.refName === name && record.sequence === sequence) return record
    const expected = `move ${sequence} of '${name}'`
    const found = `move ${record.sequence} of '${record.refName}'`
    throw new SnapError(
      'STORE_CORRUPT',
      `'${key}' holds ${found}`,
      { key, expected, found },
      { hint: "run 'snap fsck' to list what else is affected" },
    )
  }

  /** As in git: `a` and `a/b` cannot both exist. */
  async #assertNameIsFree(name: string): Promise<void> {
    const parts = name.split('/')
    for (let partCount = 3; partCount < parts.length; partCount++) {
      const above = parts.slice(0, partCount).join('/')
      if ((await this.find(above)) !== undefined) throw exists(above, name)
    }
    for await (const below of this.list(`${name}/`)) throw exists(below.name, name)
  }
}

function conflict(
  move: { name: string; expected: ObjectId | null },
  found: ObjectId | null,
): SnapError {
  const { name, expected } = move
  const isAt = found === null ? 'it does not exist' : `it is at '${shortId(found)}'`
  const wanted = expected === null ? 'it not to exist' : `'${shortId(expected)}'`
  return new SnapError(
    'REF_CONFLICT',
    `cannot move '${name}': ${isAt}, expected ${wanted}`,
    { refName: name, expected, found },
    { hint: 'another process moved it; run the command again' },
  )
}

function exists(existing: string, wanted = existing): SnapError {
  const message =
    existing === wanted
      ? `cannot create '${wanted}': it exists`
      : `cannot create '${wanted}': '${existing}' exists`
  return new SnapError('REF_EXISTS', message, { refName: existing })
}

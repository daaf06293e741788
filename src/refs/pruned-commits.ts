import type { Backend } from '../backend/backend.ts'
import { InvariantError, isSnapError, SnapError } from '../errors.ts'
import { MAX_PRUNED_COMMITS } from '../format/limits.ts'
import { shortId } from '../format/object-id.ts'
import {
  decodePrunedRecord,
  encodePrunedRecord,
  type PrunedCommit,
} from '../format/pruned-record.ts'
import type { ObjectId } from '../format/values.ts'

const PREFIX = 'pruned/'
const KEY_PATTERN = /^pruned\/[0-9]{10}$/

/** Tells whether a key is that of a record of pruned commits. */
export function isPrunedRecordKey(key: string): boolean {
  return KEY_PATTERN.test(key)
}

/**
 * The commits that retention has removed from the history, with their parents.
 *
 * Commits name their parents and never change, so whoever follows parents meets
 * ids of commits that are gone. These records say which of them are gone on
 * purpose, and where the history goes on behind them. A commit is removed from
 * the moment a record names it; its objects go later.
 *
 * Reads the records once, when first asked; `refresh` takes in new ones.
 *
 * @see store-format.md §6.2 "Pruned commits"
 */
export class PrunedCommits {
  readonly #backend: Backend
  /** By the key of its record. */
  #records = new Map<string, readonly PrunedCommit[]>()
  #commits = new Map<ObjectId, PrunedCommit>()
  #loading: Promise<void> | undefined

  constructor(backend: Backend) {
    this.#backend = backend
  }

  /**
   * Returns what is known of a removed commit, or `undefined` when none of that id was removed.
   *
   * @throws STORE_CORRUPT  a record is damaged: then it cannot be told
   */
  async find(id: ObjectId): Promise<PrunedCommit | undefined> {
    await this.#load()
    return this.#commits.get(id)
  }

  /** Returns the ids of removed commits that begin with `prefix`, ascending. @throws STORE_CORRUPT */
  async idsWithPrefix(prefix: string): Promise<ObjectId[]> {
    await this.#load()
    return [...this.#commits.keys()].filter((id) => id.startsWith(prefix)).sort()
  }

  /**
   * Refuses a commit that was removed, whether or not its objects are still stored.
   *
   * @throws COMMIT_PRUNED
   */
  async assertKept(id: ObjectId): Promise<void> {
    const found = await this.find(id)
    if (found === undefined) return
    throw new SnapError(
      'COMMIT_PRUNED',
      `commit '${shortId(id)}' is gone: it was pruned on ${found.prunedAt.slice(0, 10)}`,
      { commitId: id, prunedAt: found.prunedAt },
      { hint: "run 'snap log --all' for the commits there are" },
    )
  }

  /**
   * Resolves ids to the nearest commits that were not removed: each id itself, or the nearest
   * ancestors behind it that are left.
   *
   * @returns  without repeats, in the order in which they are met, and how many were passed over
   */
  async skip(startIds: readonly ObjectId[]): Promise<{ ids: ObjectId[]; passed: PrunedCommit[] }> {
    const ids = new Set<ObjectId>()
    const passed = new Map<ObjectId, PrunedCommit>()
    const open = startIds.toReversed()
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (passed.has(id)) continue
      const removed = await this.find(id)
      if (removed === undefined) {
        ids.add(id)
        continue
      }
      passed.set(id, removed)
      open.push(...removed.parentIds.toReversed())
    }
    return { ids: [...ids], passed: [...passed.values()] }
  }

  /** Takes in what other processes have removed since. @throws STORE_CORRUPT */
  async refresh(): Promise<void> {
    await this.#loading?.catch(() => {})
    this.#loading = this.#readRecords()
    await this.#load()
  }

  /**
   * Records commits as removed. When the promise resolves that is durable.
   *
   * To be called under the exclusive store lock only. The newest record is taken over into the one
   * that is written and removed after it, so that there are few, however often a little is pruned.
   */
  async add(commits: readonly PrunedCommit[]): Promise<void> {
    if (commits.length === 0) return
    await this.refresh()
    const newest = [...this.#records.keys()].sort().at(-1)
    const taken = newest === undefined ? [] : this.#records.get(newest)!
    const isTaken = newest !== undefined && taken.length + commits.length <= MAX_PRUNED_COMMITS
    const all = new Map(
      [...(isTaken ? taken : []), ...commits].map((commit) => [commit.id, commit]),
    )
    const sorted = [...all.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
    let number = newest === undefined ? 0 : Number(newest.slice(PREFIX.length))
    for (let start = 0; start < sorted.length; start += MAX_PRUNED_COMMITS) {
      number += 1
      const key = PREFIX + String(number).padStart(10, '0')
      const bytes = encodePrunedRecord({ commits: sorted.slice(start, start + MAX_PRUNED_COMMITS) })
      const outcome = await this.#backend.create(key, [bytes])
      if (outcome === 'exists') throw new InvariantError(`'${key}' was written without the lock`)
    }
    if (isTaken) await this.#backend.remove(newest)
    await this.refresh()
  }

  #load(): Promise<void> {
    this.#loading ??= this.#readRecords()
    return this.#loading.catch((error) => {
      // A failed load is tried again by the next caller.
      this.#loading = undefined
      throw error
    })
  }

  async #readRecords(): Promise<void> {
    const records = new Map<string, readonly PrunedCommit[]>()
    for await (const { key } of this.#backend.list(PREFIX)) {
      if (!isPrunedRecordKey(key)) continue
      const commits = this.#records.get(key) ?? (await this.#findRecord(key))
      // Gone since the listing: taken over into a record that the listing may not have had yet.
      if (commits === undefined) return this.#readRecords()
      records.set(key, commits)
    }
    for (const commit of [...records.values()].flat()) this.#commits.set(commit.id, commit)
    this.#records = records
  }

  async #findRecord(key: string): Promise<readonly PrunedCommit[] | undefined> {
    try {
      return decodePrunedRecord(await this.#backend.read(key), key).commits
    } catch (error) {
      if (isSnapError(error, 'BACKEND_KEY_MISSING')) return undefined
      throw error
    }
  }
}

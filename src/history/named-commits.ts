import type { RefRecord } from '../format/ref-record.ts'
import type { ObjectId } from '../format/values.ts'
import { HEAD } from '../refs/ref-name.ts'
import type { RefStore } from '../refs/ref-store.ts'

/** What the refs of a store name, now and ever. */
export interface NamedCommits {
  /** Every commit that any record names, with the time of the newest that does. */
  everNamed: ReadonlyMap<ObjectId, string>
  /** The newest record of each ref that exists, by its name; HEAD's among them. */
  living: ReadonlyMap<string, RefRecord>
}

/**
 * Reads every record of every ref.
 *
 * @throws STORE_CORRUPT  one is damaged
 */
export async function readNamedCommits(refs: RefStore): Promise<NamedCommits> {
  const everNamed = new Map<ObjectId, string>()
  const living = new Map<string, RefRecord>()
  for await (const record of refs.listRecords()) {
    for (const id of commitIdsIn(record)) {
      const known = everNamed.get(id)
      if (known === undefined || known < record.at) everNamed.set(id, record.at)
    }
    if (record.newId === null && record.newTargetRef === null) living.delete(record.refName)
    else living.set(record.refName, record)
  }
  return { everNamed, living }
}

/** Returns the ids of the commits that a move names: where it led from and to, and what a checkout needs to be undone. */
export function commitIdsIn(record: RefRecord): ObjectId[] {
  const ids = [record.oldId, record.newId]
  if (record.reason.kind === 'checkout' || record.reason.kind === 'undo') {
    const { previousHead, safetyCommitId, restoredCommitId } = record.reason
    ids.push(previousHead.id, safetyCommitId, restoredCommitId)
  }
  return ids.filter((id) => id !== null)
}

/** Returns the commit that a ref's newest record makes its value; null for a symbolic HEAD, whose value is another ref's. */
export function directValueOf(record: RefRecord): ObjectId | null {
  return record.refName === HEAD && record.newTargetRef !== null ? null : record.newId
}

import type { Backend } from '../backend/backend.ts'
import { SnapError } from '../errors.ts'
import { emit, type Reporter } from '../events.ts'
import { decodeLockRecord } from '../format/lock-record.ts'
import { findPackId } from '../format/pack.ts'
import { decodePrunedRecord, type PrunedCommit } from '../format/pruned-record.ts'
import { decodeStoreFile, STORE_FILE_KEY } from '../format/store-file.ts'
import type { ObjectId } from '../format/values.ts'
import { ObjectDatabase } from '../objects/object-database.ts'
import { parseOperationRecordKey } from '../operations/operation-key.ts'
import { isPrunedRecordKey } from '../refs/pruned-commits.ts'
import { parseRefRecordKey } from '../refs/ref-name.ts'
import { checkOperations } from './check-operations.ts'
import { checkPacks } from './check-packs.ts'
import { ReachabilityCheck } from './check-reachable.ts'
import { checkRefs } from './check-refs.ts'
import { type Finding, newFinding } from './finding.ts'

const LOCK_KEY_PATTERN = /^locks\/[0-9a-f]{32}$/

export interface FsckReport {
  /** Of equal stores in equal order: by key, then as found. */
  findings: Finding[]
  totals: {
    packCount: number
    objectCount: number
    /** Of all packs, as stored. */
    sizeBytes: number
    /** Commits that a ref or a reflog reaches. */
    commitCount: number
    /** Commits that were pruned, and lie between those. */
    prunedCommitCount: number
  }
}

/** Every key of a store, by what it should hold. */
interface Keys {
  packs: { key: string; sizeBytes: number }[]
  refs: string[]
  locks: string[]
  pruned: string[]
  operations: string[]
  unknown: string[]
  hasStoreFile: boolean
}

/**
 * Checks a whole store: every byte of every file, and all that refs reach.
 *
 * Takes a backend, because a damaged store may not open. Changes nothing.
 * Damage is a finding and never thrown; whatever is wrong, the check goes on to
 * the end. Objects that nothing reaches are checked and are no finding.
 *
 * @throws STORE_NOT_FOUND      the backend holds nothing of a store
 * @throws FORMAT_UNSUPPORTED   the store is not damaged but newer than this snap
 * @throws BACKEND_UNAVAILABLE  the keys cannot be listed
 * @throws ABORTED
 */
export async function fsck(
  backend: Backend,
  options: { reporter?: Reporter; signal?: AbortSignal } = {},
): Promise<FsckReport> {
  const { reporter, signal } = options
  emit(reporter, { kind: 'phaseStarted', phase: 'fsck' })
  const keys = await listKeys(backend)
  const findings = [
    ...(await checkStoreFile(backend, keys)),
    ...keys.unknown.map((key) =>
      newFinding('KEY_UNKNOWN', `'${key}' is no part of a store`, { key }),
    ),
    ...(await checkLocks(backend, keys.locks)),
    ...(await checkOperations(backend, keys.operations)),
  ]
  const objects = ObjectDatabase.open(backend, { skipsUnreadablePacks: true })
  const packs = await checkPacks(objects, keys.packs, options)
  const refs = await checkRefs(backend, keys.refs)
  const pruned = await checkPruned(backend, keys.pruned)
  const reachability = new ReachabilityCheck(objects, {
    damagedCopies: groupByObject(packs.findings),
    pruned: pruned.commits,
    signal,
  })
  await reachability.run(refs.roots)
  findings.push(...packs.findings, ...refs.findings, ...pruned.findings, ...reachability.findings)
  return {
    findings: findings.sort((a, b) => compare(a.key ?? '', b.key ?? '')),
    totals: {
      packCount: keys.packs.length,
      objectCount: packs.objectCount,
      sizeBytes: packs.sizeBytes,
      commitCount: reachability.commitCount,
      prunedCommitCount: reachability.prunedCommitCount,
    },
  }
}

async function listKeys(backend: Backend): Promise<Keys> {
  const keys: Keys = {
    packs: [],
    refs: [],
    locks: [],
    pruned: [],
    operations: [],
    unknown: [],
    hasStoreFile: false,
  }
  for await (const { key, sizeBytes } of backend.list('')) {
    if (key === STORE_FILE_KEY) keys.hasStoreFile = true
    else if (findPackId(key) !== undefined) keys.packs.push({ key, sizeBytes })
    else if (parseRefRecordKey(key) !== undefined) keys.refs.push(key)
    else if (LOCK_KEY_PATTERN.test(key)) keys.locks.push(key)
    else if (isPrunedRecordKey(key)) keys.pruned.push(key)
    else if (parseOperationRecordKey(key) !== undefined) keys.operations.push(key)
    else keys.unknown.push(key)
  }
  return keys
}

async function checkStoreFile(backend: Backend, keys: Keys): Promise<Finding[]> {
  const key = STORE_FILE_KEY
  if (!keys.hasStoreFile) {
    if (keys.packs.length + keys.refs.length === 0) {
      throw new SnapError('STORE_NOT_FOUND', `there is no store in '${backend.location}'`, {
        startDirectory: backend.location,
      })
    }
    return [newFinding('FORMAT_CORRUPT', `'${key}' is missing`, { key })]
  }
  try {
    decodeStoreFile(await backend.read(key))
    return []
  } catch (error) {
    if (!(error instanceof SnapError) || error.code === 'FORMAT_UNSUPPORTED') throw error
    const code = error.code === 'STORE_CORRUPT' ? 'FORMAT_CORRUPT' : 'KEY_UNREADABLE'
    return [newFinding(code, error.message, { key })]
  }
}

async function checkLocks(backend: Backend, keys: readonly string[]): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const key of keys) {
    try {
      decodeLockRecord(await backend.read(key), key)
    } catch (error) {
      if (!(error instanceof SnapError)) throw error
      // Released since the listing.
      if (error.code === 'BACKEND_KEY_MISSING') continue
      const code = error.code === 'STORE_CORRUPT' ? 'LOCK_CORRUPT' : 'KEY_UNREADABLE'
      findings.push(newFinding(code, error.message, { key }))
    }
  }
  return findings
}

async function checkPruned(
  backend: Backend,
  keys: readonly string[],
): Promise<{ findings: Finding[]; commits: Map<ObjectId, PrunedCommit> }> {
  const findings: Finding[] = []
  const commits = new Map<ObjectId, PrunedCommit>()
  for (const key of keys) {
    try {
      const record = decodePrunedRecord(await backend.read(key), key)
      for (const commit of record.commits) commits.set(commit.id, commit)
    } catch (error) {
      if (!(error instanceof SnapError)) throw error
      const code = error.code === 'STORE_CORRUPT' ? 'PRUNED_CORRUPT' : 'KEY_UNREADABLE'
      findings.push(newFinding(code, error.message, { key }))
    }
  }
  return { findings, commits }
}

function groupByObject(findings: readonly Finding[]): Map<ObjectId, Finding[]> {
  const groups = new Map<ObjectId, Finding[]>()
  for (const finding of findings) {
    if (finding.objectId === undefined) continue
    groups.set(finding.objectId, [...(groups.get(finding.objectId) ?? []), finding])
  }
  return groups
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

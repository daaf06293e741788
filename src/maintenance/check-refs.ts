import type { Backend } from '../backend/backend.ts'
import { SnapError } from '../errors.ts'
import { decodeRefRecord, type RefRecord } from '../format/ref-record.ts'
import type { ObjectId } from '../format/values.ts'
import { commitIdsIn, directValueOf } from '../history/named-commits.ts'
import { HEAD, parseRefRecordKey, refRecordKey } from '../refs/ref-name.ts'
import { type Finding, newFinding } from './finding.ts'

/** A commit that a ref record names, and where. */
export interface Root {
  id: ObjectId
  key: string
  /** It is what the ref is at now, and so must be there even if it was pruned. */
  isCurrent: boolean
}

/**
 * Checks the series of every ref: each record, its place, and its link to the one before.
 *
 * @param keys  every key of a ref record, ascending
 * @returns     what is wrong, and each commit that any record names
 */
export async function checkRefs(
  backend: Backend,
  keys: readonly string[],
): Promise<{ findings: Finding[]; roots: Root[] }> {
  const findings: Finding[] = []
  const roots: Root[] = []
  const newest = new Map<string, RefRecord | undefined>()
  let nextSequences = new Map<string, number>()
  for (const key of keys) {
    const { refName, sequence } = parseRefRecordKey(key)!
    const expected = nextSequences.get(refName) ?? 1
    nextSequences = nextSequences.set(refName, sequence + 1)
    if (sequence !== expected) {
      findings.push(
        newFinding('REF_SEQUENCE_BROKEN', `move ${expected} of '${refName}' is missing`, { key }),
      )
    }
    const record = await findRecord(backend, { key, refName, sequence }, findings)
    const previous = newest.get(refName)
    const isLinked = sequence !== expected || followsFrom(previous, record, sequence)
    if (record !== undefined && !isLinked) {
      findings.push(
        newFinding(
          'REF_SEQUENCE_BROKEN',
          `move ${sequence} of '${refName}' does not begin where the one before it ended`,
          { key },
        ),
      )
    }
    newest.set(refName, record)
    if (record === undefined) continue
    roots.push(...commitIdsIn(record).map((id) => ({ id, key, isCurrent: false })))
  }
  for (const [refName, record] of newest) {
    const id = record === undefined ? null : directValueOf(record)
    if (id === null) continue
    roots.push({ id, key: refRecordKey(refName, record!.sequence), isCurrent: true })
  }
  if (!newest.has(HEAD)) findings.push(newFinding('HEAD_MISSING', 'the store has no HEAD'))
  findings.push(...findNameConflicts(newest))
  return { findings, roots }
}

async function findRecord(
  backend: Backend,
  place: { key: string; refName: string; sequence: number },
  findings: Finding[],
): Promise<RefRecord | undefined> {
  const { key, refName, sequence } = place
  try {
    const record = decodeRefRecord(await backend.read(key), key)
    if (record.refName === refName && record.sequence === sequence) return record
    const found = `move ${record.sequence} of '${record.refName}'`
    findings.push(newFinding('REF_CORRUPT', `the record is that of ${found}`, { key }))
  } catch (error) {
    if (!(error instanceof SnapError)) throw error
    const code = error.code === 'STORE_CORRUPT' ? 'REF_CORRUPT' : 'KEY_UNREADABLE'
    findings.push(newFinding(code, error.message, { key }))
  }
  return undefined
}

/** Unknown links count as right: the record before, being damaged, is a finding already. */
function followsFrom(
  previous: RefRecord | undefined,
  record: RefRecord | undefined,
  sequence: number,
): boolean {
  if (record === undefined) return true
  if (sequence === 1) return record.oldId === null && record.oldTargetRef === null
  if (previous === undefined) return true
  return record.oldId === previous.newId && record.oldTargetRef === previous.newTargetRef
}

function findNameConflicts(newest: Map<string, RefRecord | undefined>): Finding[] {
  const living = [...newest].filter(([, record]) => record !== undefined && record.newId !== null)
  const names = new Set(living.map(([name]) => name))
  return [...names].flatMap((name) => {
    const parts = name.split('/')
    const above = parts.map((_, end) => parts.slice(0, end).join('/')).find((n) => names.has(n))
    return above === undefined
      ? []
      : [newFinding('REF_NAME_CONFLICT', `both '${above}' and '${name}' exist`)]
  })
}

import type { Backend } from '../backend/backend.ts'
import { SnapError } from '../errors.ts'
import { decodeOperationRecord } from '../format/operation-record.ts'
import { parseOperationRecordKey } from '../operations/operation-key.ts'
import { type Finding, newFinding } from './finding.ts'

/**
 * Checks each record of the operation log, and that each belongs to an operation that was begun.
 *
 * @param keys  every key of an operation record
 */
export async function checkOperations(
  backend: Backend,
  keys: readonly string[],
): Promise<Finding[]> {
  const findings: Finding[] = []
  const places = keys.map((key) => ({ key, ...parseOperationRecordKey(key)! }))
  const begun = new Set(places.filter(({ name }) => name === 'start').map(({ number }) => number))
  for (const { key, number, name } of places) {
    if (!begun.has(number)) {
      const message = `operation ${number} has no record of its start`
      findings.push(newFinding('OPERATION_START_MISSING', message, { key }))
    }
    try {
      const record = decodeOperationRecord(name, await backend.read(key), key)
      if (record.number === number) continue
      const message = `the record is that of operation ${record.number}`
      findings.push(newFinding('OPERATION_CORRUPT', message, { key }))
    } catch (error) {
      if (!(error instanceof SnapError)) throw error
      const code = error.code === 'STORE_CORRUPT' ? 'OPERATION_CORRUPT' : 'KEY_UNREADABLE'
      findings.push(newFinding(code, error.message, { key }))
    }
  }
  return findings
}

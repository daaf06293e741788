import type { OperationRecordName } from '../format/operation-record.ts'

export const OPERATIONS_PREFIX = 'operations/'

const NUMBER_DIGITS = 10
const KEY_PATTERN = /^operations\/([0-9]{10})\.(start|kept|end)$/

/** Returns the key of a record of operation `number` (1 and up): `operations/0000000017.start`. */
export function operationRecordKey(number: number, name: OperationRecordName): string {
  return `${OPERATIONS_PREFIX}${String(number).padStart(NUMBER_DIGITS, '0')}.${name}`
}

/** Returns which record of which operation a key holds, or `undefined` when it is no such key. */
export function parseOperationRecordKey(
  key: string,
): { number: number; name: OperationRecordName } | undefined {
  const match = KEY_PATTERN.exec(key)
  if (match === null || Number(match[1]) === 0) return undefined
  return { number: Number(match[1]), name: match[2] as OperationRecordName }
}

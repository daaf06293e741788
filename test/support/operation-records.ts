import {
  decodeOperationRecord,
  encodeOperationRecord,
  type OperationRecordName,
  type OperationRecords,
} from '../../src/format/operation-record.ts'

/** The two directions of one kind of operation record, as those of other records. */
export function operationRecordCodec<N extends OperationRecordName>(name: N) {
  return {
    encode: (value: OperationRecords[N]) => encodeOperationRecord(name, value),
    decode: (bytes: Uint8Array, key = `operations/0000000001.${name}`) =>
      decodeOperationRecord(name, bytes, key),
  }
}

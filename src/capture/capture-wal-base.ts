import { encodeJsonLine } from '../format/json-lines.ts'
import type { TableRanges, TableState, WalBase } from '../format/values.ts'
import type { ObjectSink } from '../objects/object-sink.ts'
import { captureLines } from './capture-stream.ts'

/** Captures what a later capture can tell changes by; without ranges it names no stream of them. */
export async function captureWalBase(
  { serverStartedAt, settledLsn }: Pick<WalBase, 'serverStartedAt' | 'settledLsn'>,
  { states, ranges }: { states: readonly TableState[]; ranges: readonly TableRanges[] },
  sink: ObjectSink,
): Promise<WalBase> {
  return {
    serverStartedAt,
    settledLsn,
    tables: await captureLines(states, encodeJsonLine, sink),
    ...(ranges.length === 0 ? {} : { ranges: await captureLines(ranges, encodeJsonLine, sink) }),
  }
}

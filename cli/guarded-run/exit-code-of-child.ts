import { constants } from 'node:os'
import type { ChildOutcome } from '../io.ts'

/** What a shell would say that a program ended with: its own code, or 128 and the number of the signal. */
export function exitCodeOfChild(outcome: Exclude<ChildOutcome, { kind: 'notStarted' }>): number {
  return outcome.kind === 'exited' ? outcome.exitCode : 128 + constants.signals[outcome.signal]
}

import { CommanderError } from 'commander'
import { isSnapError, newRedactor, SnapError } from '../src/store-index.ts'
import type { Context } from './context.ts'
import { OutputFailed } from './io.ts'

/**
 * Turns whatever ended a command into the error to show.
 *
 * A wrong command line becomes USAGE; whatever an interruption broke becomes
 * ABORTED, with what holds now as its hint, or OUTPUT_UNWRITABLE when it was stdout
 * that took no more. Everything else stays what it is.
 */
export function explainFailure(failure: unknown, context: Context): unknown {
  if (failure instanceof CommanderError) {
    return usageErrorOf(failure, newRedactor(context.arguments))
  }
  const { reason } = context.io.signal
  const isAborted = isSnapError(failure, 'ABORTED')
  if (
    reason instanceof OutputFailed &&
    (isAborted || isEffectOfAbort(failure, context.io.signal))
  ) {
    return new SnapError(
      'OUTPUT_UNWRITABLE',
      `cannot write the output: ${reason.message}`,
      { path: 'stdout' },
      { cause: reason, hint: 'what was written is cut off; make room there, or write elsewhere' },
    )
  }
  if (isSnapError(failure, 'MIGRATION_FAILED') && isSnapError(failure.cause, 'ABORTED')) {
    const { message, hint, data } = failure
    return new SnapError(
      'ABORTED',
      message,
      { operation: `migration ${data.file}` },
      { cause: failure, ...(hint === undefined ? {} : { hint }) },
    )
  }
  if (isAborted) {
    return new SnapError('ABORTED', failure.message, failure.data, {
      cause: failure,
      hint: failure.hint ?? context.interruptedState,
    })
  }
  if (isEffectOfAbort(failure, context.io.signal)) {
    return new SnapError(
      'ABORTED',
      'interrupted',
      { operation: 'snap' },
      { cause: failure, hint: context.interruptedState },
    )
  }
  return failure
}

/**
 * A statement that was cancelled, a connection that was cut, the signal's own
 * error. Anything else, a restore whose outcome is open above all, is news of
 * its own, interrupted or not.
 */
function isEffectOfAbort(failure: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false
  if (isSnapError(failure)) return failure.code.startsWith('POSTGRES_')
  return failure === signal.reason || (failure instanceof Error && failure.name === 'AbortError')
}

/** commander writes `error: unknown option '--foo'`, and its guess in brackets on the next line. */
function usageErrorOf(failure: CommanderError, redact: (text: string) => string): SnapError {
  const [firstLine = '', ...otherLines] = failure.message.split('\n')
  const message = redact(firstLine.replace(/^error: /, '').replace(/\.$/, ''))
  const guess = /\(Did you mean (.+)\?\)/.exec(otherLines.join(' '))?.[1]
  return new SnapError(
    'USAGE',
    message,
    { argument: /'([^']*)'/.exec(message)?.[1] ?? '' },
    { hint: guess === undefined ? "see 'snap help'" : `did you mean ${guess}?` },
  )
}

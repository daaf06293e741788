import { CommanderError } from 'commander'
import { isSnapError, SnapError } from '../src/index.ts'
import type { Context } from './context.ts'

/**
 * Turns whatever ended a command into the error to show.
 *
 * A wrong command line becomes USAGE; whatever an interruption broke becomes
 * ABORTED, with what holds now as its hint. Everything else stays what it is.
 */
export function explainFailure(failure: unknown, context: Context): unknown {
  if (failure instanceof CommanderError) return usageErrorOf(failure)
  if (isSnapError(failure, 'ABORTED')) {
    return new SnapError('ABORTED', failure.message, failure.data, {
      cause: failure,
      hint: failure.hint ?? context.interruptedState,
    })
  }
  // A restore whose outcome is open says so itself, interrupted or not.
  if (context.io.signal.aborted && !isRestoreOutcome(failure)) {
    return new SnapError(
      'ABORTED',
      'interrupted',
      { operation: 'snap' },
      { cause: failure, hint: context.interruptedState },
    )
  }
  return failure
}

function isRestoreOutcome(failure: unknown): boolean {
  return (
    isSnapError(failure, 'RESTORE_IN_DOUBT') ||
    isSnapError(failure, 'RESTORE_FAILED') ||
    isSnapError(failure, 'RESTORE_NOT_PROVEN')
  )
}

/** commander writes `error: unknown option '--foo'`, and its guess in brackets on the next line. */
function usageErrorOf(failure: CommanderError): SnapError {
  const [firstLine = '', ...otherLines] = failure.message.split('\n')
  const message = firstLine.replace(/^error: /, '').replace(/\.$/, '')
  const guess = /\(Did you mean (.+)\?\)/.exec(otherLines.join(' '))?.[1]
  return new SnapError(
    'USAGE',
    message,
    { argument: /'([^']*)'/.exec(message)?.[1] ?? '' },
    { hint: guess === undefined ? "see 'snap help'" : `did you mean ${guess}?` },
  )
}

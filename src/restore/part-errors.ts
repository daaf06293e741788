import { isSnapError, SnapError } from '../errors.ts'
import type { RestoredPart } from './restore-state.ts'

export const DEPENDENTS_HINT =
  'choose it as well with --table, if the commit has it; else drop it first, or check out the whole commit'

/** What is outside of a part must not be rebuilt for its sake; so there is no other way to try. */
export function partFailed(because: string, error: unknown, { outside }: RestoredPart): unknown {
  if (isSnapError(error, 'RESTORE_FAILED') && outside.has(error.data.step)) {
    const entry = error.data.step
    return new SnapError(
      'DEPENDENTS_BROKEN',
      `cannot restore this part alone: ${entry} cannot be as it is then: ${because}`,
      { dependents: [{ entry, needs: because }] },
      { cause: error, hint: DEPENDENTS_HINT },
    )
  }
  if (isSnapError(error, 'RESTORE_FAILED') && error.hint === undefined) {
    const hint =
      'nothing was changed; restore definitions and rows together, with --with-dependencies where types differ'
    return new SnapError('RESTORE_FAILED', error.message, error.data, { cause: error.cause, hint })
  }
  return error ?? cannotRestorePart(because)
}

/** Of what no plan for a part can change. */
export function cannotRestorePart(because: string): SnapError<'RESTORE_FAILED'> {
  return new SnapError(
    'RESTORE_FAILED',
    `cannot restore this part alone: ${because}`,
    { step: 'plan' },
    { hint: 'nothing was changed; check out the whole commit, or into a new database with --into' },
  )
}

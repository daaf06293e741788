import {
  type CheckoutPlan,
  type CheckoutResult,
  describeDifference,
  type HeadValue,
  shortId,
  shortRefName,
} from '../../src/index.ts'
import type { Colors } from './colors.ts'
import { titleOf } from './commit-text.ts'
import { describePart } from './part-text.ts'
import { printable } from './printable.ts'
import { formatDuration, formatQuantity, formatSize } from './units.ts'

/** Says what a checkout did, what proves it, and how to take it back. */
export function formatCheckoutResult(
  plan: CheckoutPlan,
  result: CheckoutResult,
  { colors, withRowProof }: { colors: Colors; withRowProof: boolean },
): string[] {
  const target = `${colors.yellow(shortId(result.commitId))} ${titleOf(plan.commit)}`
  return [
    ...result.terminated.map(
      ({ pid, user, application }) =>
        `Ended the session with pid ${pid} (${printable(user)}, ${printable(application) || 'no application name'})`,
    ),
    ...formatWork(plan, result, { colors, withRowProof }),
    ...result.sources.map(({ name, kind, state }) =>
      state === 'unchanged'
        ? `Source ${printable(name)} equalled the commit already`
        : `Source ${printable(name)} restored: ${kind === 'files' ? 'its files are swapped in' : 'its restore command has ended well'}`,
    ),
    ...formatPlace(plan, result, target),
    ...(result.safetyCommitId === null
      ? []
      : [
          `The state before is kept in ${colors.yellow(shortId(result.safetyCommitId))}; ` +
            'to return to it: snap undo',
        ]),
  ]
}

function formatPlace(
  { kind, part, reason, revision, headAfter }: CheckoutPlan,
  result: CheckoutResult,
  target: string,
): string[] {
  const what = part === null ? '' : `${describePart(part)} of `
  if (kind === 'into') {
    return [`Database '${printable(result.databaseName)}' holds ${what}${target}`]
  }
  if (part !== null) {
    return [`HEAD stays where it is: only ${describePart(part)} came from ${printable(revision)}`]
  }
  // The commit is one that snap has made by itself, and HEAD is not at it.
  return reason === 'undo'
    ? [`Returned to ${printable(revision)}: ${target}`, `HEAD is at ${describeHead(headAfter)}`]
    : [`HEAD is now at ${target}`]
}

/** `main (a563c4d93bca)`, `a563c4d93bca`, `main (no commit yet)`. */
function describeHead({ targetRef, id }: HeadValue): string {
  const commit = id === null ? 'no commit yet' : shortId(id)
  return targetRef === null ? commit : `${printable(shortRefName(targetRef))} (${commit})`
}

function formatWork(
  plan: CheckoutPlan,
  result: CheckoutResult,
  { colors, withRowProof }: { colors: Colors; withRowProof: boolean },
): string[] {
  const { proof } = result
  if (proof === null) {
    const hasOthers = result.sources.some(({ state }) => state === 'restored')
    return [hasOthers ? 'The database equalled the commit already' : 'Nothing had to be restored']
  }
  return [
    ...formatTotals(result),
    `${colors.green('Proven')} equal to ${plan.part === null ? 'the commit' : 'what was planned'} before it became final: ` +
      `${formatQuantity(proof.schemaEntryCount, 'schema entry', 'schema entries')} by pg_dump, ` +
      `${formatQuantity(proof.tableCount, 'table')} by ` +
      `${withRowProof ? 'reading every row back' : 'row count'}, ` +
      formatQuantity(proof.sequenceCount, 'sequence'),
    ...(proof.tolerated.length === 0
      ? []
      : [
          'Written in other words by this version of PostgreSQL:',
          ...proof.tolerated.map((difference) => `  ${printable(describeDifference(difference))}`),
        ]),
  ]
}

function formatTotals({ restored, form, elapsedMs }: CheckoutResult): string[] {
  const entries = formatQuantity(restored.schemaEntryCount, 'schema entry', 'schema entries')
  const sent = `${formatQuantity(restored.rowCount, 'row')} (${formatSize(restored.sizeBytes)})`
  const duration = formatDuration(elapsedMs)
  if (form?.kind !== 'surgical') {
    return [
      `Restored ${formatQuantity(restored.tableCount, 'table')}, ${sent} and ${entries} in ${duration}`,
      ...(form === null ? [] : [`Everything was built again: ${printable(form.because)}`]),
    ]
  }
  const { deletedRowCount } = restored
  const deleted = deletedRowCount === 0 ? '' : `, ${formatQuantity(deletedRowCount, 'row')} deleted`
  return [
    `Restored ${formatQuantity(restored.tableCount, 'table')}: ${sent} sent${deleted}; ` +
      `${formatQuantity(restored.keptTableCount, 'table')} stayed; ${entries} changed; ${duration}`,
  ]
}

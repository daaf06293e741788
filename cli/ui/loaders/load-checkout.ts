import { planCheckout, planUndo, SnapError, shortId } from '../../../src/index.ts'
import { type CheckoutFlags, carryOut, confirmationFor, questionFor } from '../../checkout-flow.ts'
import { findDatabaseOf } from '../../database.ts'
import { formatCheckoutResult } from '../../output/checkout-text.ts'
import { formatPlan } from '../../output/plan-text.ts'
import { plainStyle } from '../../output/text-style.ts'
import { formatProtection } from '../../protection.ts'
import type { Job } from '../runner.ts'
import { contextOf, followProgress, type LoadOf, type Workplace } from './workplace.ts'

/** As the command without options has them. */
const FLAGS: CheckoutFlags = {
  safety: true,
  owner: true,
  privileges: true,
  sources: true,
  prove: 'counts',
}

/** Plans a checkout, or an undo, waits for the answer and carries it out: the command's own flow. */
export async function loadCheckout(
  workplace: Workplace,
  { commitId }: LoadOf<'checkout'>,
  job: Job,
): Promise<void> {
  const { store, context: ours } = workplace
  const { dispatch, screenId } = job
  const command = commitId === null ? 'undo' : 'checkout'
  const report = followProgress(
    { now: ours.io.now, notice: (notice) => dispatch({ kind: 'noticed', notice }) },
    (progress, _line, atMs) => dispatch({ kind: 'progressed', screenId, progress, atMs }),
  )
  const commandLine = commitId === null ? [command] : [command, shortId(commitId)]
  const context = contextOf(workplace, job, { arguments: commandLine, report })
  const style = plainStyle(ours.output.style.clock)
  const target = {
    command,
    store,
    database: await findDatabaseOf(store, context),
    plan: ((_store, settings) =>
      commitId === null
        ? planUndo(store, settings)
        : planCheckout(store, { ...settings, revision: commitId })) as TargetPlan,
  }
  try {
    const { plan, result } = await carryOut(context, FLAGS, target, async (plan, guard) => {
      const isNamed = confirmationFor(plan, guard) === 'databaseName'
      const { text, purpose } = questionFor(plan)
      const databaseName = target.database.databaseName
      dispatch({
        kind: 'planned',
        screenId,
        plan,
        lines: [
          ...(guard === undefined ? [] : formatProtection(guard)),
          ...formatPlan(plan, { style, withSafety: FLAGS.safety }),
        ],
        stage: {
          kind: 'asking',
          needed: isNamed ? 'databaseName' : 'yes',
          databaseName,
          question: isNamed ? `Type ${databaseName} to ${purpose}:` : text,
        },
      })
      await job.confirmation().catch((reason) => {
        throw ours.io.signal.aborted ? reason : notConfirmed(text)
      })
    })
    const lines = formatCheckoutResult(plan, result, {
      colors: style.colors,
      withRowProof: false,
    })
    ours.interruptedState = 'every checkout that was begun is done'
    if (ours.io.signal.aborted) workplace.late = { lines }
    dispatch({ kind: 'finished', screenId, lines, canUndo: result.safetyCommitId !== null })
  } catch (failure) {
    ours.interruptedState = context.interruptedState
    if (ours.io.signal.aborted) workplace.late = { failure }
    throw failure
  }
}

type TargetPlan = Parameters<typeof carryOut>[2]['plan']

/** To close the plan is to say no, as to the command. */
const notConfirmed = (question: string) =>
  new SnapError('CONFIRMATION_NEEDED', 'not confirmed: nothing was changed', { question })

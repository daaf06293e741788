import {
  examineStore,
  findOperationState,
  fsck,
  previewPrune,
  type Store,
  walkCommits,
} from '../../../src/index.ts'
import { totalsOf } from '../../output/commit-text.ts'
import { formatFsckReport } from '../../output/fsck-text.ts'
import { formatGcPlan } from '../../output/gc-text.ts'
import { formatOperation } from '../../output/operation-text.ts'
import { formatPrunePlan } from '../../output/prune-text.ts'
import { plainStyle } from '../../output/text-style.ts'
import { formatQuantity, formatSize } from '../../output/units.ts'
import { findRollbackCommand } from '../../rollback-command.ts'
import { findStartIds } from '../../start-ids.ts'
import { PREVIEWED_POLICY } from '../prune-policy.ts'
import type { Job } from '../runner.ts'
import type { ListedOperation } from '../state.ts'
import { followProgress, type LoadOf, type Workplace } from './workplace.ts'

/** More are listed by `snap ops -n`. */
const MAX_OPERATIONS = 500

export async function loadOperations(
  { store, context }: Workplace,
  { dispatch, screenId, signal }: Job,
): Promise<void> {
  const operations: ListedOperation[] = []
  const style = plainStyle(context.output.style.clock)
  for await (const operation of store.operations.list()) {
    signal.throwIfAborted()
    const state = await findOperationState(operation)
    const rollback = findRollbackCommand(context, operation)
    const details = formatOperation(operation, state, { style, rollback })
    operations.push({ operation, state, details })
    if (operations.length === MAX_OPERATIONS) break
  }
  dispatch({ kind: 'operationsLoaded', screenId, operations })
}

export async function loadStore(
  { store, context }: Workplace,
  { dispatch, screenId, signal }: Job,
): Promise<void> {
  const now = context.io.now()
  const { sizeBytes, commitCount, growth } = await examineStore(store, now)
  const heldSizeBytes = await measureCommits(store, { now, signal })
  const ratio = sizeBytes === 0 ? '-' : (heldSizeBytes / sizeBytes).toFixed(1)
  const lines = [
    `Store:       ${store.backend.location}`,
    `Commits:     ${formatQuantity(commitCount, 'commit')}`,
    `They hold:   ${formatSize(heldSizeBytes)} of rows, if each had a copy of its own`,
    `On disk:     ${formatSize(sizeBytes)}, ${ratio} times less`,
    ...(growth === null
      ? []
      : [
          `Growth:      ${formatSize(growth.sizeBytes)} for the last ` +
            formatQuantity(growth.commitCount, 'commit'),
        ]),
  ]
  dispatch({ kind: 'storeLoaded', screenId, lines })
}

async function measureCommits(
  store: Store,
  { now, signal }: { now: Date; signal: AbortSignal },
): Promise<number> {
  const startIds = await findStartIds(store, { revisions: [], isAll: true, now })
  let sizeBytes = 0
  for await (const { commit } of walkCommits(store, startIds, { signal })) {
    sizeBytes += totalsOf(await store.objects.readTree(commit.treeId)).sizeBytes
  }
  return sizeBytes
}

export async function loadJob(
  { store, context }: Workplace,
  { job: kind }: LoadOf<'job'>,
  { dispatch, screenId, signal }: Job,
): Promise<void> {
  const { now } = context.io
  const style = plainStyle(context.output.style.clock)
  const reporter = followProgress(
    { now: now, notice: (notice) => dispatch({ kind: 'noticed', notice }) },
    (_progress, line) => dispatch({ kind: 'jobProgressed', screenId, progress: line }),
  )
  if (kind === 'fsck') {
    const report = await fsck(store.backend, { reporter, signal })
    dispatch({ kind: 'jobFinished', screenId, lines: formatFsckReport(report, style.colors) })
    return
  }
  const { plan, gc } = await previewPrune(store, PREVIEWED_POLICY, { reporter, signal, now })
  const lines = [...formatPrunePlan(plan, style), ...formatGcPlan(gc)]
  dispatch({ kind: 'jobFinished', screenId, lines })
}

/**
 * What a checkout would do to other datastores.
 */
import { emit } from '../events.ts'
import type { Commit } from '../format/values.ts'
import { MemoryOverlay } from '../objects/memory-overlay.ts'
import { HashingSink } from '../objects/object-sink.ts'
import { captureSources } from '../sources/capture-sources.ts'
import { type ChosenSources, chooseSources } from '../sources/choose-sources.ts'
import { diffSources } from '../sources/diff-sources.ts'
import { putBackUnfinished } from '../sources/staging.ts'
import type { Store } from '../store.ts'
import type { PlannedSources } from './checkout-plan.ts'
import type { CheckoutOptions } from './plan-checkout.ts'

export const NO_SOURCES: PlannedSources = { changes: [], unchanged: [], leftAlone: [] }

type Restorable = ChosenSources['configured']

/** Returns the sources of a commit that can be restored here. */
export function listRestorable({ sources }: CheckoutOptions, commit: Commit): Restorable {
  if (sources === undefined) return []
  return chooseSources(sources, commit.sources ?? []).configured.filter(isRestorable)
}

const isRestorable = ({ source }: Restorable[number]) =>
  source.kind === 'files' || source.restore !== null

/**
 * Compares what there is with what the commit holds. Of contents only the ids are made.
 *
 * A swap of files that was cut off is taken back first: what it left is no state to keep.
 *
 * @throws what `captureSources` and `diffSources` throw
 */
export async function planSources(
  store: Store,
  commit: Commit,
  options: CheckoutOptions,
): Promise<PlannedSources> {
  if (options.sources === undefined) return NO_SOURCES
  const { objects } = store
  const { configured, notConfigured, notCommitted } = chooseSources(
    options.sources,
    commit.sources ?? [],
  )
  const restorable = configured.filter(isRestorable)
  if (options.isDryRun !== true) await putAllBack(restorable, options)
  const entries = new MemoryOverlay()
  const before = await captureSources(
    restorable.map(({ source }) => source),
    { entries, contents: new HashingSink() },
    { ...options, mayBeMissing: true },
  )
  const wanted = restorable.map(({ committed }) => committed)
  const changes = await diffSources(
    { sources: before.sources, objects: entries.over(objects) },
    { sources: wanted, objects },
  )
  const changed = new Set(changes.map(({ name }) => name))
  return {
    changes,
    unchanged: wanted.map(({ name }) => name).filter((name) => !changed.has(name)),
    leftAlone: [
      ...notConfigured.map(({ name }) => ({ name, because: 'notConfigured' as const })),
      ...notCommitted.map(({ name }) => ({ name, because: 'notCommitted' as const })),
      ...configured
        .filter((each) => !isRestorable(each))
        .map(({ source }) => ({ name: source.name, because: 'noRestoreCommand' as const })),
    ],
  }
}

async function putAllBack(restorable: Restorable, { reporter }: CheckoutOptions): Promise<void> {
  for (const { source } of restorable) {
    if (source.kind !== 'files' || !(await putBackUnfinished(source))) continue
    emit(reporter, {
      kind: 'warning',
      code: 'SOURCE_UNFINISHED',
      subject: source.name,
      detail: 'a checkout was cut off while it replaced files; they are as they were before it',
    })
  }
}

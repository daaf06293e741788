/**
 * Empties a database: a checkout of an empty state.
 *
 * The order is that of every checkout, and stricter in two points: the state
 * before is always kept, as a pinned commit, and rows are read back before COMMIT.
 * HEAD stays where it is, so that `undo` or a checkout of what was kept returns.
 */
import { DEFAULT_LOCK_TIMEOUT_MS } from '../capture/default-jobs.ts'
import { listRelations } from '../capture/list-relations.ts'
import { WHOLE_DATABASE } from '../capture/selection.ts'
import { InvariantError, SnapError } from '../errors.ts'
import type { ObjectId } from '../format/values.ts'
import { pinCommit } from '../maintenance/pins.ts'
import { qualifiedName } from '../postgres/quote.ts'
import { openSession, type Session } from '../postgres/session.ts'
import { readHead } from '../refs/head.ts'
import type { Store } from '../store.ts'
import { applyPlan, type CheckoutResult } from './apply-checkout.ts'
import type { CheckoutPlan } from './checkout-plan.ts'
import { isSameStream } from './compare-trees.ts'
import {
  type EmptiedState,
  planEmptiedState,
  putEmptiedState,
  type SequenceFact,
  type WipeScope,
} from './emptied-state.ts'
import { withLiveState } from './live-state.ts'
import type { PlannedChange } from './plan-change.ts'
import { type CheckoutOptions, describeServer, planAgainst } from './plan-checkout.ts'

export type WipeOptions = Omit<
  CheckoutOptions,
  'into' | 'isForced' | 'isDryRun' | 'withSafetyCommit' | 'withRowProof'
>

/** What a plan says for people and other programs. */
export interface WipeSummary {
  scope: WipeScope
  /** The tables that lose their rows, by namespace and name. */
  tables: { namespace: string; name: string; rowCount: number; sizeBytes: number; goes: boolean }[]
  /** Tables whose rows stay: extensions' configuration, and with `rows` the bookkeeping of migration tools. */
  keptTables: { namespace: string; name: string; rowCount: number }[]
  rowCount: number
  largeObjectCount: number
  /** What stays of the schema, as `KIND name`: extensions, subscriptions, schemas. */
  standing: string[]
  /** How many schema entries go. */
  droppedEntryCount: number
}

export interface WipePlan extends WipeSummary {
  checkout: CheckoutPlan
  emptied: EmptiedState
}

/**
 * Finds out what a wipe would do: reads the whole database into the store, where
 * it is what the commit before the wipe will be made of.
 *
 * @throws what `captureDatabase` throws
 */
export async function planWipe(
  store: Store,
  options: WipeOptions & { scope: WipeScope },
): Promise<WipePlan> {
  const { scope } = options
  const settings = checkoutOptions(options)
  const server = await describeServer(options.database)
  const sequenceFacts = await readSequenceFacts(options)
  const reading = { ...settings, selection: WHOLE_DATABASE, isStored: true }
  return withLiveState(store, reading, async (live, liveObjects) => {
    const at = (options.now ?? (() => new Date()))()
    const emptied = planEmptiedState(live, scope, sequenceFacts)
    const message = `${scope === 'rows' ? 'without rows' : 'empty'}: wipe of database ${options.database.databaseName}`
    const writer = store.objects.newWriter()
    try {
      const facts = { capture: live.capture, author: options.author, message, at }
      const written = await putEmptiedState(writer, emptied, facts)
      await writer.flush()
      const head = await readHead(store.refs)
      const basis = {
        ...written,
        reason: 'wipe',
        revision: scope === 'rows' ? 'no rows' : 'an empty database',
        schemaEntries: emptied.entries,
        catalogFacts: emptied.facts,
        headBefore: head,
        headAfter: head,
        requested: null,
      } as const
      const checkout = await planAgainst(store, basis, { live, liveObjects, server }, settings)
      return { scope, emptied, checkout, ...outlineWipe(checkout, emptied) }
    } finally {
      await writer.close()
    }
  })
}

/**
 * Empties the database as planned.
 *
 * @throws TARGET_CHANGED  the schema, or rows that were to stay, changed since; nothing was changed
 * @throws what `applyCheckout` throws
 */
export function applyWipe(
  store: Store,
  plan: WipePlan,
  options: WipeOptions,
): Promise<CheckoutResult> {
  const { checkout, emptied } = plan
  const { live } = checkout.inPlace ?? {}
  if (live === undefined) throw new InvariantError('a wipe changes a database in place')
  const { author, now = () => new Date() } = options
  return applyPlan(store, checkout, checkoutOptions(options), {
    // A collection since the plan may have taken what an earlier wipe had left in the store.
    prepare: async () => {
      const writer = store.objects.newWriter()
      try {
        const { message, createdAt, author: writtenBy } = checkout.commit
        const facts = { capture: live.capture, author: writtenBy, message, at: new Date(createdAt) }
        await putEmptiedState(writer, emptied, facts)
        await writer.flush()
      } finally {
        await writer.close()
      }
    },
    assertSameIntent: (again) => assertSameIntent(plan, again),
    onKept: (commitId: ObjectId) =>
      pinCommit(store, {
        commitId,
        message: `before wipe of database ${checkout.database.name}`,
        author,
        at: now(),
      }).then(() => undefined),
  })
}

const checkoutOptions = (options: WipeOptions): CheckoutOptions => ({
  ...options,
  withSafetyCommit: true,
  withRowProof: true,
})

/** What came since would go without having been shown. */
function assertSameIntent({ checkout, emptied }: WipePlan, { live }: PlannedChange): void {
  const planned = checkout.inPlace?.live
  if (planned === undefined) return
  const found = new Map(live.tree.tables.map((table) => [qualifiedName(table), table.rows]))
  const changed = emptied.tables.find(
    (table) =>
      table.rows !== null && !isSameStream(table.rows, found.get(qualifiedName(table)) ?? null),
  )
  if (isSameStream(planned.tree.schema, live.tree.schema) && changed === undefined) return
  const what = changed === undefined ? 'its schema' : `the rows of ${qualifiedName(changed)}`
  throw new SnapError(
    'TARGET_CHANGED',
    `'${checkout.database.name}' has changed since the wipe was planned: ${what}; nothing was changed`,
    { expected: planned.treeId, found: live.treeId },
    { hint: 'run the command again' },
  )
}

function outlineWipe({ inPlace, largeObjects, outline }: CheckoutPlan, emptied: EmptiedState) {
  const live = inPlace!.live.tree
  const after = new Map(emptied.tables.map((table) => [qualifiedName(table), table]))
  const tables: WipePlan['tables'] = []
  const keptTables: WipePlan['keptTables'] = []
  for (const table of live.tables) {
    const { namespace, name, rows } = table
    const { rowCount = 0, sizeBytes = 0 } = rows ?? {}
    const standing = after.get(qualifiedName(table))
    if (standing !== undefined && standing.rows !== null) {
      keptTables.push({ namespace, name, rowCount })
    } else {
      tables.push({ namespace, name, rowCount, sizeBytes, goes: standing === undefined })
    }
  }
  const stays = new Set(['EXTENSION', 'SUBSCRIPTION', 'SCHEMA'])
  return {
    tables,
    keptTables,
    rowCount: tables.reduce((sum, { rowCount }) => sum + rowCount, 0),
    largeObjectCount: largeObjects.countBefore,
    standing: emptied.entries
      .filter(({ kind }) => stays.has(kind))
      .map(({ kind, name }) => `${kind} ${name}`),
    droppedEntryCount: (outline?.schema ?? []).filter(({ action }) => action === 'drop').length,
  }
}

async function readSequenceFacts(options: WipeOptions): Promise<SequenceFact[]> {
  const { database, signal, lockTimeoutMs = DEFAULT_LOCK_TIMEOUT_MS } = options
  const session = await openSession(database, { lockTimeoutMs, ...(signal ? { signal } : {}) })
  try {
    const startValues = await readStartValues(session)
    return (await listRelations(session))
      .filter(({ kind }) => kind === 'sequence')
      .map(({ namespace, name, extension, ownedBy, oid }) => ({
        namespace,
        name,
        startValue: startValues.get(String(oid)) ?? '1',
        isOfExtension: extension !== null,
        ownedBy,
      }))
  } finally {
    await session.close()
  }
}

async function readStartValues(session: Session): Promise<Map<string, string>> {
  const rows = await session.query<{ oid: string; start: string }>(
    'SELECT seqrelid::text AS oid, seqstart::text AS start FROM pg_catalog.pg_sequence',
  )
  return new Map(rows.map(({ oid, start }) => [oid, start]))
}

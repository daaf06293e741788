/**
 * Finds out what a checkout would do. Reads only; the store and the database
 * stay as they are.
 */
import { captureLines } from '../capture/capture-stream.ts'
import { readSystemIdentifier } from '../capture/database-facts.ts'
import { completeRows } from '../capture/selection.ts'
import { SnapError } from '../errors.ts'
import type { Reporter } from '../events.ts'
import { encodeJsonLine } from '../format/json-lines.ts'
import type { Author, HeadValue } from '../format/ref-record.ts'
import { checkCatalogFact } from '../format/stream-entries.ts'
import type { Commit, ObjectId } from '../format/values.ts'
import { resolveRevision } from '../history/revisions.ts'
import { HashingSink } from '../objects/object-sink.ts'
import { readJsonStream } from '../objects/read-json-stream.ts'
import { type DatabaseAddress, describeAddress } from '../postgres/address/database-address.ts'
import { openSession } from '../postgres/session.ts'
import { readHead } from '../refs/head.ts'
import { BRANCH_PREFIX, isRefName } from '../refs/ref-name.ts'
import { compareSchemas } from '../schema/compare-schemas.ts'
import type { Store } from '../store.ts'
import type { CheckoutPlan } from './checkout-plan.ts'
import { compareTables, isSameStream } from './compare-trees.ts'
import { type InPlaceChange, planInPlaceChange, streamsNeeded } from './in-place-change.ts'
import { type LiveState, type LiveStateOptions, withLiveState } from './live-state.ts'
import { readSchemaEntries } from './read-schema.ts'
import type { PlannedChange } from './restore-in-place.ts'
import { inspectNewTarget } from './restore-into.ts'
import type { RestoreTarget } from './restore-state.ts'
import { manifestsOf, verifyObjects } from './verify-objects.ts'

export interface CheckoutOptions {
  database: DatabaseAddress
  author: Author
  /** A new database on this or another server; HEAD stays where it is. */
  into?: DatabaseAddress | undefined
  /** Restore into another database than the one that was committed. */
  isForced?: boolean | undefined
  /** Only look: what is read of the live database is not put into the store. */
  isDryRun?: boolean | undefined
  /** Commit the live state first. Default true. */
  withSafetyCommit?: boolean | undefined
  withOwners?: boolean | undefined
  withPrivileges?: boolean | undefined
  /** Read every restored row back before COMMIT and compare. Default false. */
  withRowProof?: boolean | undefined
  jobs?: number | undefined
  lockTimeoutMs?: number | undefined
  workingDirectory?: string | undefined
  reporter?: Reporter | undefined
  signal?: AbortSignal | undefined
  now?: (() => Date) | undefined
}

/**
 * Plans `snap checkout REV`.
 *
 * Verifies every object that the restore will need and, in place, reads the
 * live database to say what would change.
 *
 * @throws REVISION_UNKNOWN, REVISION_AMBIGUOUS
 * @throws OBJECT_MISSING, OBJECT_CORRUPT  the commit is damaged; nothing would be touched
 * @throws TARGET_EXISTS    `into` names a database that is there
 * @throws TARGET_MISMATCH  the database is not the one that was committed, and `isForced` is not set
 * @throws what `captureDatabase` throws
 */
export async function planCheckout(
  store: Store,
  options: CheckoutOptions & { revision: string },
): Promise<CheckoutPlan> {
  const { revision } = options
  const commitId = await resolveRevision(store, revision)
  const headBefore = await readHead(store.refs)
  const headAfter =
    options.into === undefined
      ? await headAfterCheckout(store, revision, commitId, headBefore)
      : headBefore
  return planRestore(store, { ...options, commitId, headBefore, headAfter, reason: 'checkout' })
}

/** Plans making the database equal to `commitId`, wherever HEAD goes with it. */
export async function planRestore(
  store: Store,
  options: CheckoutOptions & {
    revision: string
    commitId: ObjectId
    headBefore: HeadValue
    headAfter: HeadValue
    reason: CheckoutPlan['reason']
  },
): Promise<CheckoutPlan> {
  const { commitId, revision, headBefore, headAfter, reason } = options
  const commit = await store.objects.readCommit(commitId)
  const tree = await store.objects.readTree(commit.treeId)
  const schemaEntries = await readSchemaEntries(store.objects, tree)
  const catalogFacts = await readJsonStream(store.objects, commit.catalog, checkCatalogFact)
  const common = {
    catalogFacts,
    reason,
    revision,
    commitId,
    commit,
    tree,
    schemaEntries,
    headBefore,
    headAfter,
  }
  return options.into === undefined
    ? planInPlace(store, common, options)
    : planInto(store, common, options.into, options)
}

type PlanBasis = Pick<
  CheckoutPlan,
  | 'catalogFacts'
  | 'reason'
  | 'revision'
  | 'commitId'
  | 'commit'
  | 'tree'
  | 'schemaEntries'
  | 'headBefore'
  | 'headAfter'
>

async function planInto(
  store: Store,
  basis: PlanBasis,
  into: DatabaseAddress,
  { reporter, signal }: CheckoutOptions,
): Promise<CheckoutPlan> {
  const { tree } = basis
  const { rowCount } = tree.largeObjects.metadata
  const verified = await verifyObjects(store.objects, manifestsOf(tree), { reporter, signal })
  return {
    ...basis,
    kind: 'into',
    database: {
      name: into.databaseName,
      address: describeAddress(into),
      ...(await inspectNewTarget(into)),
    },
    isNoOp: false,
    renames: [],
    schema: [],
    tables: compareTables({ ...tree, tables: [] }, tree),
    sequencesDiffer: true,
    largeObjects: { countBefore: 0, countAfter: rowCount, differ: rowCount > 0 },
    verified,
    warnings: [],
    inPlace: null,
  }
}

async function planInPlace(
  store: Store,
  basis: PlanBasis,
  options: CheckoutOptions,
): Promise<CheckoutPlan> {
  const { commit, tree } = basis
  const server = await describeServer(options.database)
  const warnings = checkTarget(commit, options, server.systemIdentifier)
  const target = restoreTargetOf(store, basis, options)
  return withLiveState(store, liveStateOptions(basis, options), async (live, liveObjects) => {
    const isNoOp = live.treeId === commit.treeId
    const change = await planInPlaceChange(live, liveObjects, target, commit.database)
    const needed = isNoOp ? [] : streamsNeeded(change, live, target)
    const { metadata, pages } = tree.largeObjects
    const found = live.tree.largeObjects
    return {
      ...basis,
      kind: 'inPlace',
      database: {
        name: options.database.databaseName,
        address: describeAddress(options.database),
        ...server,
      },
      isNoOp,
      ...(await comparePlanned(live, change, target)),
      largeObjects: {
        countBefore: found.metadata.rowCount,
        countAfter: metadata.rowCount,
        differ: !isSameStream(found.metadata, metadata) || !isSameStream(found.pages, pages),
      },
      verified: await verifyObjects(store.objects, needed, options),
      warnings,
      inPlace: { live, change },
    }
  })
}

/**
 * What differs besides names. What goes is called as it is now, even where it has
 * to make room for something first.
 */
async function comparePlanned(
  live: LiveState,
  change: InPlaceChange,
  { tree, entries }: RestoreTarget,
): Promise<Pick<CheckoutPlan, 'renames' | 'schema' | 'tables' | 'sequencesDiffer'>> {
  const renames = change.form === 'surgical' ? change.renames : null
  if (renames === null) {
    return {
      renames: [],
      schema: compareSchemas(entries, live.schema.entries),
      tables: compareTables(live.tree, tree),
      sequencesDiffer: !isSameStream(live.tree.sequences, tree.sequences),
    }
  }
  const { schema, formerEntries, dropped, tables, sequences } = renames.live
  const former = new Map(schema.entries.map((entry, each) => [entry, formerEntries[each]]))
  const created = schema.entries.filter((entry) => former.get(entry) === undefined)
  const differences = compareSchemas(entries, [...schema.entries, ...dropped])
  return {
    renames: renames.renames,
    schema: [
      ...created.map((expected) => ({ kind: 'missing' as const, expected })),
      ...differences.map((difference) =>
        difference.kind === 'extra'
          ? { ...difference, found: former.get(difference.found) ?? difference.found }
          : difference,
      ),
    ],
    tables: compareTables({ tables }, tree, live.tree.tables),
    sequencesDiffer: !isSameStream(
      await captureLines(sequences, encodeJsonLine, new HashingSink()),
      tree.sequences,
    ),
  }
}

/** Reads the live state again and plans against it. */
export function planAnew(
  store: Store,
  plan: CheckoutPlan,
  options: CheckoutOptions,
): Promise<PlannedChange> {
  const target = restoreTargetOf(store, plan, options)
  // Rows that the commit leaves out are read too: they may have to be put back into tables built again.
  const selection = completeRows(plan.commit.selection)
  const toRead = { ...liveStateOptions(plan, options), selection }
  return withLiveState(store, toRead, async (live, liveObjects) => {
    const change = await planInPlaceChange(live, liveObjects, target, plan.commit.database)
    await verifyObjects(store.objects, streamsNeeded(change, live, target), options)
    return { live, change }
  })
}

function liveStateOptions({ commit }: PlanBasis, options: CheckoutOptions): LiveStateOptions {
  const { isDryRun = false, withSafetyCommit = true } = options
  return {
    database: options.database,
    selection: commit.selection,
    isStored: !isDryRun && withSafetyCommit,
    jobs: options.jobs,
    lockTimeoutMs: options.lockTimeoutMs,
    reporter: options.reporter,
    signal: options.signal,
    now: options.now,
  }
}

/** What a restore of the plan's commit works with. */
export function restoreTargetOf(
  store: Store,
  plan: PlanBasis,
  options: CheckoutOptions,
): RestoreTarget {
  return {
    tree: plan.tree,
    entries: plan.schemaEntries,
    facts: plan.catalogFacts,
    selection: plan.commit.selection,
    withOwners: options.withOwners ?? true,
    withPrivileges: options.withPrivileges ?? true,
    objects: store.objects,
    reporter: options.reporter,
    signal: options.signal,
  }
}

/** As in git: a branch is followed, HEAD's own commit leaves HEAD alone, anything else detaches it. */
async function headAfterCheckout(
  store: Store,
  revision: string,
  commitId: ObjectId,
  headBefore: HeadValue,
): Promise<HeadValue> {
  for (const name of [`${BRANCH_PREFIX}${revision}`, revision]) {
    if (!name.startsWith(BRANCH_PREFIX) || !isRefName(name)) continue
    if ((await store.refs.find(name)) === commitId) return { targetRef: name, id: commitId }
  }
  return headBefore.id === commitId ? headBefore : { targetRef: null, id: commitId }
}

async function describeServer(
  address: DatabaseAddress,
): Promise<
  Pick<CheckoutPlan['database'], 'serverVersion' | 'serverVersionNumber' | 'systemIdentifier'>
> {
  const session = await openSession(address)
  try {
    return {
      serverVersion: session.serverVersion,
      serverVersionNumber: session.serverVersionNumber,
      systemIdentifier: await readSystemIdentifier(session),
    }
  } finally {
    await session.close()
  }
}

/**
 * A restore overwrites, so it wants the very database that was committed: same
 * name, and same cluster where both sides could read its identifier.
 */
function checkTarget(
  commit: Commit,
  { database, isForced = false }: CheckoutOptions,
  systemIdentifier: string | null,
): CheckoutPlan['warnings'] {
  const isSameName = commit.database.name === database.databaseName
  const isOtherCluster =
    commit.database.systemIdentifier !== null &&
    systemIdentifier !== null &&
    commit.database.systemIdentifier !== systemIdentifier
  if (isSameName && !isOtherCluster) return []

  const expected = `${commit.database.name} (cluster ${commit.database.systemIdentifier ?? 'unknown'})`
  const found = `${database.databaseName} (cluster ${systemIdentifier ?? 'unknown'})`
  const detail = `the commit was made of ${expected}, this is ${found}`
  if (isForced) return [{ code: 'TARGET_MISMATCH', subject: database.databaseName, detail }]
  throw new SnapError(
    'TARGET_MISMATCH',
    `cannot check out into '${describeAddress(database)}': ${detail}`,
    { expected, found },
    {
      hint: 'check --database; pass --force to overwrite this database, or --into NAME to make a new one',
    },
  )
}

/**
 * Finds out what a checkout would do. Reads only; the store and the database
 * stay as they are.
 */
import { readSystemIdentifier } from '../capture/database-facts.ts'
import { completeRows } from '../capture/selection.ts'
import { type Blocker, SnapError } from '../errors.ts'
import type { Reporter } from '../events.ts'
import type { Author, HeadValue } from '../format/ref-record.ts'
import { checkCatalogFact } from '../format/stream-entries.ts'
import type { Commit, ObjectId } from '../format/values.ts'
import { resolveRevision } from '../history/revisions.ts'
import { readJsonStream } from '../objects/read-json-stream.ts'
import type { StreamReader } from '../objects/walk-manifest.ts'
import { type DatabaseAddress, describeAddress } from '../postgres/address/database-address.ts'
import { openSession } from '../postgres/session.ts'
import { readHead } from '../refs/head.ts'
import { BRANCH_PREFIX, isRefName } from '../refs/ref-name.ts'
import { compareSchemas, type SchemaDifference } from '../schema/compare-schemas.ts'
import type { Source } from '../sources/source.ts'
import type { Store } from '../store.ts'
import { type PartRequested, partRequestedBy } from './checkout-part.ts'
import type { CheckoutPart, CheckoutPlan } from './checkout-plan.ts'
import { compareTables, hasSameLargeObjects, type TableChange } from './compare-trees.ts'
import { describeEntry } from './entry-kinds.ts'
import { streamsNeeded } from './in-place-change.ts'
import { type LiveState, type LiveStateOptions, withLiveState } from './live-state.ts'
import { outlineChange } from './outline-change.ts'
import { makePartTargetForNew } from './part-target.ts'
import { type PlannedChange, planChange } from './plan-change.ts'
import type { Rename } from './plan-renames.ts'
import { NO_SOURCES, planSources } from './plan-sources.ts'
import { readSchemaEntries } from './read-schema.ts'
import { inspectNewTarget } from './restore-into.ts'
import type { RestoreTarget } from './restore-state.ts'
import { readSequences } from './set-sequences.ts'
import { manifestsOf, verifyObjects } from './verify-objects.ts'

export interface CheckoutOptions {
  database: DatabaseAddress
  author: Author
  /** A new database on this or another server; HEAD stays where it is. */
  into?: DatabaseAddress | undefined
  /** Only tables, views and sequences that match one of these patterns, as pg_dump takes them; HEAD stays where it is. */
  tables?: readonly string[] | undefined
  /** Only definitions, while rows stay; or only rows, while definitions stay. HEAD stays where it is. */
  aspect?: 'schema' | 'data' | undefined
  /** With `tables`: also what they need and the database has not, or has otherwise. */
  withDependencies?: boolean | undefined
  /** Restore into another database than the one that was committed. */
  isForced?: boolean | undefined
  /**
   * Other datastores to restore as far as the commit holds them; none when not given. A part, or a
   * new database, is restored without them.
   */
  sources?: readonly Source[] | undefined
  /** Only look: what is read of the live database is not put into the store. */
  isDryRun?: boolean | undefined
  /** Commit the live state first. Default true. */
  withSafetyCommit?: boolean | undefined
  withOwners?: boolean | undefined
  withPrivileges?: boolean | undefined
  /** Read every restored row back before COMMIT and compare. Default false. */
  withRowProof?: boolean | undefined
  /**
   * Awaited once the state before is a commit and nothing has been changed yet; when it throws,
   * nothing is. `head` is where HEAD belongs with that state.
   */
  onKept?: ((kept: { commitId: ObjectId; head: HeadValue }) => Promise<void>) | undefined
  jobs?: number | undefined
  lockTimeoutMs?: number | undefined
  /** End sessions that are in the way of a lock, after they have been reported. Default false; never on a dry run. */
  terminatesBlockers?: boolean | undefined
  workingDirectory?: string | undefined
  reporter?: Reporter | undefined
  signal?: AbortSignal | undefined
  now?: (() => Date) | undefined
}

/**
 * Plans `snap checkout REV`.
 *
 * In place, verifies every object that the restore will need and reads the live
 * database to say what would change; a new database is verified as it is filled,
 * and here only on a dry run.
 *
 * @throws REVISION_UNKNOWN, REVISION_AMBIGUOUS
 * @throws OBJECT_MISSING, OBJECT_CORRUPT  the commit is damaged; nothing would be touched
 * @throws TARGET_EXISTS    `into` names a database that is there
 * @throws TARGET_MISMATCH  the database is not the one that was committed, and `isForced` is not set
 * @throws USAGE           `tables` has a pattern that means nothing, or the options contradict each other
 * @throws DEPENDENCIES_MISSING, DEPENDENTS_BROKEN, ROWS_DO_NOT_FIT  the part cannot be restored alone
 * @throws what `captureDatabase` throws
 */
export async function planCheckout(
  store: Store,
  options: CheckoutOptions & { revision: string },
): Promise<CheckoutPlan> {
  const { revision } = options
  const commitId = await resolveRevision(store, revision, { signal: options.signal })
  const headBefore = await readHead(store.refs)
  const part = partRequestedBy(options)
  const headAfter =
    options.into === undefined && part === null
      ? await headAfterCheckout(store, revision, commitId, headBefore)
      : headBefore
  return planRestore(store, {
    ...options,
    commitId,
    headBefore,
    headAfter,
    part,
    reason: 'checkout',
  })
}

/** Plans making the database equal to `commitId`, wherever HEAD goes with it. */
export async function planRestore(
  store: Store,
  options: CheckoutOptions & {
    revision: string
    commitId: ObjectId
    headBefore: HeadValue
    headAfter: HeadValue
    part: PartRequested | null
    reason: CheckoutPlan['reason']
  },
): Promise<CheckoutPlan> {
  const { commitId, revision, headBefore, headAfter, part, reason } = options
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
    requested: part,
  }
  return options.into === undefined
    ? planInPlace(store, common, options)
    : planInto(store, common, options.into, options)
}

export type PlanBasis = Pick<
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
  | 'requested'
>

async function planInto(
  store: Store,
  basis: PlanBasis,
  into: DatabaseAddress,
  options: CheckoutOptions,
): Promise<CheckoutPlan> {
  const made = await intoTarget(store, basis, options)
  const { tree, objects } = made.target
  // Nobody has anything to lose, and what a store far away holds would be fetched twice.
  const verified =
    options.isDryRun === true ? await verifyObjects(objects, manifestsOf(tree), options) : null
  return {
    ...basis,
    kind: 'into',
    database: {
      name: into.databaseName,
      address: describeAddress(into),
      ...(await inspectNewTarget(into)),
    },
    isNoOp: false,
    part: partOf(basis, made),
    terminated: [],
    schema: [],
    tables: compareTables({ ...tree, tables: [] }, tree),
    outline: null,
    largeObjects: {
      countBefore: 0,
      countAfter: tree.largeObjects.metadata.rowCount,
      differ: tree.largeObjects.metadata.rowCount > 0,
    },
    sources: NO_SOURCES,
    verified,
    warnings: made.warnings,
    inPlace: null,
  }
}

/** What a new database is to hold, as far as it was asked for. */
export async function intoTarget(
  store: Store,
  basis: PlanBasis,
  options: CheckoutOptions,
): Promise<Pick<PlannedChange, 'target' | 'chosen' | 'recorded' | 'warnings'>> {
  const target = restoreTargetOf(store, basis, options)
  return basis.requested === null
    ? { target, chosen: null, recorded: null, warnings: [] }
    : makePartTargetForNew(basis.requested, target)
}

async function planInPlace(
  store: Store,
  basis: PlanBasis,
  options: CheckoutOptions,
): Promise<CheckoutPlan> {
  const server = await describeServer(options.database)
  const warnings = checkTarget(basis.commit, options, server.systemIdentifier)
  const terminated: Blocker[] = []
  const toRead = liveStateOptions(basis, options, (blocker) => terminated.push(blocker))
  const plan = await withLiveState(store, toRead, (live, liveObjects) =>
    planAgainst(store, basis, { live, liveObjects, server }, options),
  )
  const sources =
    basis.requested === null ? await planSources(store, basis.commit, options) : NO_SOURCES
  return { ...plan, sources, terminated, warnings: [...warnings, ...plan.warnings] }
}

/** Plans how a live state that was read becomes that of the basis. */
export async function planAgainst(
  store: Store,
  basis: PlanBasis,
  {
    live,
    liveObjects,
    server,
  }: { live: LiveState; liveObjects: StreamReader; server: ServerFacts },
  options: CheckoutOptions,
): Promise<CheckoutPlan> {
  const planned = await planChange(live, liveObjects, changeRequest(store, basis, options))
  const { tree, objects } = planned.target
  const compared = comparePlanned(planned, basis)
  const sequences = await readSequences(objects, tree.sequences)
  return {
    ...basis,
    kind: 'inPlace',
    database: {
      name: options.database.databaseName,
      address: describeAddress(options.database),
      ...server,
    },
    isNoOp: planned.isNoOp,
    part: partOf(basis, planned),
    terminated: [],
    schema: compared.differences,
    tables: compared.tables,
    outline: planned.isNoOp ? null : outlineChange({ ...planned, ...compared, sequences }),
    largeObjects: {
      countBefore: live.tree.largeObjects.metadata.rowCount,
      countAfter: tree.largeObjects.metadata.rowCount,
      differ: !hasSameLargeObjects(live.tree, tree),
    },
    sources: NO_SOURCES,
    verified: await verifyNeeded(planned, options),
    warnings: planned.warnings,
    inPlace: planned,
  }
}

/**
 * What differs besides names. What goes is called as it is now, even where it has
 * to make room for something first.
 */
function comparePlanned(
  { live, change, target: { tree, entries } }: PlannedChange,
  basis: PlanBasis,
): { renames: Rename[]; differences: SchemaDifference[]; tables: TableChange[] } {
  const renames = change.form === 'surgical' ? change.renames : null
  if (renames === null) {
    return {
      renames: [],
      differences: compareSchemas(entries, live.schema.entries),
      tables: compareTables(live.tree, tree).map((table) => withRowsThatStay(table, basis)),
    }
  }
  const { schema, formerEntries, dropped, tables } = renames.live
  const former = new Map(schema.entries.map((entry, each) => [entry, formerEntries[each]]))
  const created = schema.entries.filter((entry) => former.get(entry) === undefined)
  const differences = compareSchemas(entries, [...schema.entries, ...dropped])
  return {
    renames: renames.renames,
    differences: [
      ...created.map((expected) => ({ kind: 'missing' as const, expected })),
      ...differences.map((difference) =>
        difference.kind === 'extra'
          ? { ...difference, found: former.get(difference.found) ?? difference.found }
          : difference,
      ),
    ],
    tables: compareTables({ tables }, tree, live.tree.tables),
  }
}

/** Reads the live state again and plans against it. */
export function planAnew(
  store: Store,
  plan: PlanBasis,
  options: CheckoutOptions,
  {
    onTerminated,
    unchangedRows,
  }: {
    onTerminated?: (blocker: Blocker) => void
    unchangedRows?: LiveStateOptions['unchangedRows']
  } = {},
): Promise<PlannedChange> {
  // Rows that the commit leaves out are read too: they may have to be put back into tables built again.
  const selection = completeRows(plan.commit.selection)
  const toRead = { ...liveStateOptions(plan, options, onTerminated), selection, unchangedRows }
  return withLiveState(store, toRead, async (live, liveObjects) => {
    const planned = await planChange(live, liveObjects, changeRequest(store, plan, options))
    await verifyNeeded(planned, options)
    return planned
  })
}

const changeRequest = (store: Store, basis: PlanBasis, options: CheckoutOptions) => ({
  commit: basis.commit,
  target: restoreTargetOf(store, basis, options),
  part: basis.requested,
})

/** A table whose rows stay, and that the commit does not leave out, has those it has. */
function withRowsThatStay(table: TableChange, { requested }: PlanBasis): TableChange {
  if (table.change !== 'dataKept' || requested?.aspect !== 'schema') return table
  const { rowsBefore, sizeBytesBefore } = table
  return { ...table, change: 'unchanged', rowsAfter: rowsBefore, sizeBytesAfter: sizeBytesBefore }
}

/** Reads what the restore will read; of a part, also live rows that it puts back. */
function verifyNeeded(
  { live, change, target, isNoOp }: PlannedChange,
  options: CheckoutOptions,
): Promise<CheckoutPlan['verified']> {
  const needed = isNoOp ? [] : streamsNeeded(change, live, target)
  return verifyObjects(target.objects, needed, options)
}

/** What `--json` and people are told of the part. */
function partOf(
  { requested }: PlanBasis,
  { chosen, recorded }: Pick<PlannedChange, 'chosen' | 'recorded'>,
): CheckoutPart | null {
  if (requested === null) return null
  const relations = [...(chosen ?? [])].sort().map((key) => {
    const [namespace, name] = key.split('\0') as [string, string]
    return { namespace, name }
  })
  return {
    aspect: requested.aspect,
    relations: chosen === null ? null : relations,
    others: (recorded?.others ?? []).map(describeEntry),
  }
}

function liveStateOptions(
  { commit, requested }: PlanBasis,
  options: CheckoutOptions,
  onTerminated: ((blocker: Blocker) => void) | undefined,
): LiveStateOptions {
  const { isDryRun = false, withSafetyCommit = true, terminatesBlockers = false } = options
  return {
    database: options.database,
    selection: commit.selection,
    // What is outside of a part may have to be put back from its present rows.
    isStored: !isDryRun && (withSafetyCommit || requested !== null),
    onTerminated: terminatesBlockers && !isDryRun ? onTerminated : undefined,
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

export type ServerFacts = Pick<
  CheckoutPlan['database'],
  'serverVersion' | 'serverVersionNumber' | 'systemIdentifier'
>

export async function describeServer(address: DatabaseAddress): Promise<ServerFacts> {
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
 * name, and same cluster where both sides could read its identifier. An imported
 * commit has a name alone.
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
  if (isSameName && commit.database.oid === 0) {
    const detail = 'the commit was imported, and only the name tells that it is of this database'
    return [{ code: 'TARGET_UNIDENTIFIED', subject: database.databaseName, detail }]
  }
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

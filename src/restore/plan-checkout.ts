/**
 * Finds out what a checkout would do. Reads only; the store and the database
 * stay as they are.
 */
import { captureDatabase } from '../capture/capture-database.ts'
import { readSystemIdentifier } from '../capture/database-facts.ts'
import { DEFAULT_LOCK_TIMEOUT_MS, defaultJobs } from '../capture/default-jobs.ts'
import { SnapError } from '../errors.ts'
import type { Reporter } from '../events.ts'
import type { Author, HeadValue } from '../format/ref-record.ts'
import type { Commit, ObjectId } from '../format/values.ts'
import { resolveRevision } from '../history/revisions.ts'
import { HashingSink } from '../objects/object-sink.ts'
import { type DatabaseAddress, describeAddress } from '../postgres/address/database-address.ts'
import { openSession } from '../postgres/session.ts'
import { readHead } from '../refs/head.ts'
import { BRANCH_PREFIX, isRefName } from '../refs/ref-name.ts'
import { compareSchemas } from '../schema/compare-schemas.ts'
import type { Store } from '../store.ts'
import type { CheckoutPlan } from './checkout-plan.ts'
import { compareTables, isSameStream } from './compare-trees.ts'
import { readSchemaEntries } from './read-schema.ts'
import { inspectNewTarget } from './restore-into.ts'
import { verifyObjects } from './verify-objects.ts'

export interface CheckoutOptions {
  database: DatabaseAddress
  author: Author
  /** A new database on this or another server; HEAD stays where it is. */
  into?: DatabaseAddress | undefined
  /** Restore into another database than the one that was committed. */
  isForced?: boolean | undefined
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
  const { commitId, revision, headBefore, headAfter, reason, reporter, signal } = options
  const commit = await store.objects.readCommit(commitId)
  const tree = await store.objects.readTree(commit.treeId)
  const verified = await verifyObjects(store.objects, tree, { reporter, signal })
  const schemaEntries = await readSchemaEntries(store.objects, tree)
  const common = {
    reason,
    revision,
    commitId,
    commit,
    tree,
    schemaEntries,
    headBefore,
    headAfter,
    verified,
  }

  if (options.into !== undefined) {
    return {
      ...common,
      kind: 'into',
      database: {
        name: options.into.databaseName,
        address: describeAddress(options.into),
        ...(await inspectNewTarget(options.into)),
      },
      isNoOp: false,
      schema: [],
      tables: compareTables({ ...tree, tables: [] }, tree),
      sequencesDiffer: true,
      largeObjects: {
        countBefore: 0,
        countAfter: tree.largeObjects.metadata.rowCount,
        differ: tree.largeObjects.metadata.rowCount > 0,
      },
      warnings: [],
    }
  }

  const server = await describeServer(options.database)
  const warnings = checkTarget(commit, options, server.systemIdentifier)
  const live = await captureDatabase(new HashingSink(), {
    database: options.database,
    selection: commit.selection,
    jobs: options.jobs ?? defaultJobs(),
    lockTimeoutMs: options.lockTimeoutMs ?? DEFAULT_LOCK_TIMEOUT_MS,
    reporter,
    signal,
  })
  const { metadata, pages } = tree.largeObjects
  return {
    ...common,
    kind: 'inPlace',
    database: {
      name: options.database.databaseName,
      address: describeAddress(options.database),
      ...server,
    },
    isNoOp: live.treeId === commit.treeId,
    schema: compareSchemas(schemaEntries, live.schema),
    tables: compareTables(live.tree, tree),
    sequencesDiffer: !isSameStream(live.tree.sequences, tree.sequences),
    largeObjects: {
      countBefore: live.tree.largeObjects.metadata.rowCount,
      countAfter: metadata.rowCount,
      differ:
        !isSameStream(live.tree.largeObjects.metadata, metadata) ||
        !isSameStream(live.tree.largeObjects.pages, pages),
    },
    warnings,
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

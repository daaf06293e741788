/**
 * Restores a tree into a database made for it.
 *
 * Nobody else uses the new database yet, so structure, rows and indexes are
 * committed as they come, by several connections at once, and the proof comes
 * after the last commit. A failure drops the database again.
 */

import { captureSchema } from '../capture/capture-schema.ts'
import { readSystemIdentifier } from '../capture/database-facts.ts'
import { listRelations } from '../capture/list-relations.ts'
import { isSnapError, SnapError } from '../errors.ts'
import type { Commit } from '../format/values.ts'
import { type DatabaseAddress, withDatabase } from '../postgres/address/database-address.ts'
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts'
import { serverMajorOf } from '../postgres/server-major.ts'
import { openSession, type Session } from '../postgres/session.ts'
import { planAnalyses } from './analyze-tables.ts'
import { fillTables } from './fill-tables.ts'
import { makeDurable, openFillingSessions } from './filling-sessions.ts'
import { isIndex } from './plan-creation.ts'
import { tableKey } from './plan-surgery.ts'
import { compareRows, notProven, type Proof, type ProofOptions, proveRestore } from './prove.ts'
import {
  clearForRestore,
  createStructure,
  finishStructure,
  ownTables,
  type RestoreTarget,
} from './restore-state.ts'
import { runTasks, type Task } from './run-tasks.ts'

export interface IntoOptions {
  into: DatabaseAddress
  /** What the commit says of the database it was made of; encoding and locale are taken over. */
  source: Commit['database']
  jobs: number
  withRowProof: boolean
}

/**
 * @throws TARGET_EXISTS  a database of that name exists; it is not touched
 * @throws RESTORE_FAILED, RESTORE_NOT_PROVEN, …  the new database has been dropped again
 */
export async function restoreInto(target: RestoreTarget, options: IntoOptions): Promise<Proof> {
  await createDatabase(options)
  try {
    return await fillDatabase(target, options)
  } catch (error) {
    await dropDatabase(options.into).catch(() => undefined)
    throw error
  }
}

async function fillDatabase(target: RestoreTarget, options: IntoOptions): Promise<Proof> {
  const tableCount = ownTables(target.tree).length
  const indexCount = target.entries.filter(isIndex).length
  const sessionCount = Math.max(1, Math.min(options.jobs, Math.max(tableCount, indexCount)))
  const sessions = await openFillingSessions(options.into, sessionCount, target.signal)
  const [first] = sessions as [Session]
  try {
    await first.execute('BEGIN')
    const live = await captureSchema(first, target.selection, 'savepoint')
    const creation = await clearForRestore(first, live.entries, target)
    await createStructure(first, creation, target)
    await first.execute('COMMIT')

    const relations = await listRelations(first)
    const plain = relations.filter(({ kind }) => kind === 'table').map(tableKey)
    const left = await fillTables(sessions, creation, new Set(plain), target)

    await first.execute('BEGIN')
    await finishStructure(first, { ...creation, afterRows: left }, target)
    await first.execute('COMMIT')

    const proof = await proveFilled(sessions, target, {
      ...target,
      withRows: options.withRowProof,
      allowsOtherWords: first.serverMajor !== serverMajorOf(options.source),
    })
    await makeDurable(first)
    return proof
  } finally {
    await Promise.allSettled(sessions.map((session) => session.close()))
  }
}

/** Takes statistics beside the proof, which keeps the server little busy where no rows are read back. */
async function proveFilled(
  sessions: readonly Session[],
  target: RestoreTarget,
  { withRows, ...options }: ProofOptions,
): Promise<Proof> {
  let proof: Proof | undefined
  const problems: string[] = []
  const proveAllElse: Task = {
    cost: Number.POSITIVE_INFINITY,
    after: [],
    run: async (session) => {
      await session.execute('BEGIN')
      proof = await proveRestore(session, target, { ...options, withRows: false })
      await session.execute('COMMIT')
    },
  }
  const rowProofs = (withRows ? target.tree.tables : []).map(
    (table): Task => ({
      cost: table.rows?.sizeBytes ?? 0,
      after: [],
      run: async (session) => {
        const problem = await compareRows(session, table, target.objects)
        if (problem !== undefined) problems.push(problem)
      },
    }),
  )
  const tasks = [proveAllElse, ...rowProofs, ...planAnalyses(target.tree)]
  await runTasks(sessions, tasks, target.signal)
  if (problems.length > 0) throw notProven(problems)
  return proof!
}

/**
 * Checks that the server has no database of that name, and describes the server.
 *
 * @throws TARGET_EXISTS
 */
export async function inspectNewTarget(into: DatabaseAddress): Promise<{
  serverVersion: string
  serverVersionNumber: number
  systemIdentifier: string | null
}> {
  const admin = await openMaintenanceSession(into)
  try {
    await assertDatabaseIsNew(admin, into.databaseName)
    const { serverVersion, serverVersionNumber } = admin
    return {
      serverVersion,
      serverVersionNumber,
      systemIdentifier: await readSystemIdentifier(admin),
    }
  } finally {
    await admin.close()
  }
}

async function assertDatabaseIsNew(admin: Session, name: string): Promise<void> {
  const [existing] = await admin.query(
    `SELECT FROM pg_catalog.pg_database WHERE datname = ${quoteLiteral(name)}`,
  )
  if (existing === undefined) return
  throw new SnapError(
    'TARGET_EXISTS',
    `cannot restore into '${name}': a database of that name exists`,
    { databaseName: name },
    { hint: 'give the name of a database that does not exist yet' },
  )
}

async function createDatabase({ into, source }: IntoOptions): Promise<void> {
  const name = into.databaseName
  const admin = await openMaintenanceSession(into)
  try {
    await assertDatabaseIsNew(admin, name)
    await admin.execute(
      `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0
         ENCODING ${quoteLiteral(source.encoding)}
         LC_COLLATE ${quoteLiteral(source.collate)} LC_CTYPE ${quoteLiteral(source.ctype)}`,
    )
  } finally {
    await admin.close()
  }
}

async function dropDatabase(into: DatabaseAddress): Promise<void> {
  const admin = await openMaintenanceSession(into)
  try {
    await admin.execute(
      `DROP DATABASE IF EXISTS ${quoteIdentifier(into.databaseName)} WITH (FORCE)`,
    )
  } finally {
    await admin.close()
  }
}

/** Every cluster has `postgres` unless somebody removed it, and then `template1`. */
async function openMaintenanceSession(into: DatabaseAddress): Promise<Session> {
  try {
    return await openSession(withDatabase(into, 'postgres'))
  } catch (error) {
    if (!isSnapError(error, 'POSTGRES_REFUSED')) throw error
    return openSession(withDatabase(into, 'template1'))
  }
}

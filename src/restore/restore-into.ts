/**
 * Restores a tree into a database made for it.
 *
 * Nobody else uses the new database yet, so structure, rows and indexes are
 * committed as they come, rows and indexes by several connections at once. A
 * failure drops the database again.
 */

import { captureSchema } from '../capture/capture-schema.ts'
import { readSystemIdentifier } from '../capture/database-facts.ts'
import { isSnapError, SnapError, throwIfAborted } from '../errors.ts'
import { emit } from '../events.ts'
import type { Commit, TableEntry } from '../format/values.ts'
import { type DatabaseAddress, withDatabase } from '../postgres/address/database-address.ts'
import { pinSettings } from '../postgres/pinned-settings.ts'
import { qualifiedName, quoteIdentifier, quoteLiteral } from '../postgres/quote.ts'
import { serverMajorOf } from '../postgres/server-major.ts'
import { openSession, type Session } from '../postgres/session.ts'
import { analyzeTables, createIndexes } from './create-indexes.ts'
import { loadRows } from './load-rows.ts'
import { type Proof, proveRestore } from './prove.ts'
import {
  clearForRestore,
  createStructure,
  finishStructure,
  loadBesideTables,
  ownTables,
  type RestoreTarget,
} from './restore-state.ts'
import { DEFAULT_SEARCH_PATH } from './statement.ts'

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
  const open = async () => {
    const session = await openSession(options.into, target.signal ? { signal: target.signal } : {})
    await pinSettings(session)
    return session
  }
  const main = await open()
  const loaders: Session[] = []
  try {
    await main.execute('BEGIN')
    const live = await captureSchema(main, target.selection, 'savepoint')
    const creation = await clearForRestore(main, live.entries, target)
    await createStructure(main, creation, target)
    await main.execute('COMMIT')

    const tables = ownTables(target.tree)
    const taskCount = Math.max(tables.length, creation.indexes.length)
    const loaderCount = Math.max(1, Math.min(options.jobs, taskCount))
    for (let i = 0; i < loaderCount; i++) loaders.push(await open())
    await loadInParallel(loaders, tables, target)
    emit(target.reporter, { kind: 'phaseStarted', phase: 'createIndexes' })
    const leftIndexes = await createIndexes(loaders, creation.indexes, target)
    await analyzeTables(loaders, target.tree, target.signal)

    await main.execute('BEGIN')
    await loadBesideTables(main, target)
    const afterRows = [
      ...leftIndexes.flatMap(({ statements }) => statements),
      ...creation.afterIndexes,
    ]
    await finishStructure(main, { ...creation, afterRows }, target)
    const proof = await proveRestore(main, target, {
      ...target,
      withRows: options.withRowProof,
      allowsOtherWords: main.serverMajor !== serverMajorOf(options.source),
    })
    await main.execute('COMMIT')
    return proof
  } finally {
    await Promise.allSettled([main, ...loaders].map((session) => session.close()))
  }
}

async function loadInParallel(
  loaders: readonly Session[],
  tables: readonly TableEntry[],
  { objects, reporter, signal }: RestoreTarget,
): Promise<void> {
  emit(reporter, { kind: 'phaseStarted', phase: 'loadRows' })
  const queue = tables.toSorted((a, b) => (b.rows?.sizeBytes ?? 0) - (a.rows?.sizeBytes ?? 0))
  emit(reporter, {
    kind: 'tablesPlanned',
    tableCount: queue.length,
    estimatedSizeBytes: queue.reduce((sum, { rows }) => sum + (rows?.sizeBytes ?? 0), 0),
  })
  let failure: unknown
  await Promise.all(
    loaders.map(async (loader) => {
      for (let table = queue.shift(); table !== undefined; table = queue.shift()) {
        try {
          throwIfAborted(signal, 'checkout')
          // TRUNCATE in the same transaction lets COPY write frozen rows and append them in order.
          await loader.execute(
            `BEGIN; ${DEFAULT_SEARCH_PATH}; TRUNCATE ONLY ${qualifiedName(table)}`,
          )
          await loadRows(loader, objects, table, { isNew: true, reporter })
          await loader.execute('COMMIT')
        } catch (error) {
          failure ??= error
          queue.length = 0
        }
      }
    }),
  )
  if (failure !== undefined) throw failure
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

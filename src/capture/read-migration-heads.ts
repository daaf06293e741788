import type { MigrationHead } from '../format/values.ts'
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import { openSession } from '../postgres/session.ts'
import { detectMigrations } from './detect-migrations.ts'
import { listRelations } from './list-relations.ts'

/**
 * Reads which migration the database is at, one entry for each tool that left a trace.
 *
 * @throws POSTGRES_*, ABORTED
 */
export async function readMigrationHeads(
  address: DatabaseAddress,
  options: { signal?: AbortSignal } = {},
): Promise<MigrationHead[]> {
  const session = await openSession(address, options)
  try {
    await session.execute('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    const relations = await listRelations(session)
    return await detectMigrations(
      session,
      relations.filter(({ kind }) => kind === 'table'),
    )
  } finally {
    await session.close()
  }
}

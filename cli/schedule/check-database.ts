import { dirname, resolve } from 'node:path'
import { describeAddress, isSnapError, SnapError, type Store } from '../../src/index.ts'
import type { Context } from '../context.ts'
import { findDatabaseOf } from '../database.ts'
import { timerIo } from './scheduled-environment.ts'

/**
 * Looks for the database as a timer will, and returns what is different for it.
 *
 * @throws DATABASE_ADDRESS_MISSING  a timer would find none
 */
export async function noteOnDatabase(
  context: Context,
  store: Store,
  envFile: string | undefined,
): Promise<string | undefined> {
  const storeDirectory = resolve(store.backend.location)
  const io = await timerIo(context, { storeDirectory, envFile })
  const now = await findDatabaseOf(store, context).catch(() => undefined)
  try {
    const later = await findDatabaseOf(store, { ...context, io })
    if (now === undefined) return undefined
    if (describeAddress(now) !== describeAddress(later)) {
      return `the schedule will commit ${describeAddress(later)}, not ${describeAddress(now)}, which your environment names`
    }
    const isPasswordLost =
      now.revealSecrets().password !== null && later.revealSecrets().password === null
    return isPasswordLost
      ? 'the password is in your environment alone, which a timer does not have; put it into .env, --env-file or ~/.pgpass'
      : undefined
  } catch (error) {
    if (!isSnapError(error, 'DATABASE_ADDRESS_MISSING')) throw error
    throw new SnapError(
      'DATABASE_ADDRESS_MISSING',
      'a schedule would find no database: a timer has none of the variables of your shell',
      error.data,
      {
        cause: error,
        hint: `write DATABASE_URL=… into ${dirname(storeDirectory)}/.env, or pass --env-file FILE`,
      },
    )
  }
}

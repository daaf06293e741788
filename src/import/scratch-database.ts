import { randomBytes } from 'node:crypto'
import { isSnapError, throwIfAborted } from '../errors.ts'
import { type DatabaseAddress, withDatabase } from '../postgres/address/database-address.ts'
import { quoteIdentifier } from '../postgres/quote.ts'
import { openSession, type Session } from '../postgres/session.ts'

/** Where dumps are restored to be captured. */
export interface Scratch {
  /** A server that may make a database; the address names one to begin at. */
  scratch: DatabaseAddress
  /** The server is thrown away afterwards: roles that are missing there are made. */
  isThrowaway: boolean
  signal?: AbortSignal | undefined
}

const NAME_PREFIX = 'snap_import_'

/**
 * Makes a database, and drops it again whatever happens.
 *
 * An import that is killed cannot: what it leaves is dropped by the next one on that server. A
 * session holds a lock as long as its database is wanted, which the whole server can see.
 */
export async function withScratchDatabase<T>(
  { scratch, signal }: Scratch,
  work: (database: DatabaseAddress) => Promise<T>,
): Promise<T> {
  const key = randomBytes(6)
  const name = `${NAME_PREFIX}${key.toString('hex')}`
  throwIfAborted(signal, 'importing')
  // Not stopped by an interruption: what was made is to go.
  const holder = await openSession(scratch)
  try {
    await holder.execute('SET idle_session_timeout = 0')
    await holder.query('SELECT pg_catalog.pg_advisory_lock($1)', [key.readUIntBE(0, key.length)])
    await dropAbandoned(holder)
    await holder.execute(
      `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0 ENCODING 'UTF8'`,
    )
    try {
      return await work(withDatabase(scratch, name))
    } finally {
      await drop(scratch, name)
    }
  } finally {
    await holder.close()
  }
}

/** On a session of its own: the other may have been lost in the meantime. */
async function drop(scratch: DatabaseAddress, name: string): Promise<void> {
  const session = await openSession(scratch)
  try {
    await session.execute(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`)
  } finally {
    await session.close()
  }
}

async function dropAbandoned(session: Session): Promise<void> {
  const abandoned = await session.query<{ name: string }>(
    `SELECT d.datname AS name FROM pg_catalog.pg_database d
      WHERE d.datname ~ '^${NAME_PREFIX}[0-9a-f]{12}$' AND pg_catalog.pg_has_role(d.datdba, 'USAGE')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid)
        AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_locks l
           WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
             AND pg_catalog.to_hex((l.classid::bigint << 32) | l.objid::bigint)
               = pg_catalog.ltrim(pg_catalog.right(d.datname, 12), '0'))`,
  )
  for (const { name } of abandoned) {
    // Not by force, and whoever is faster or still there is left alone: the next import comes by.
    await session.execute(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`).catch((error) => {
      if (!isSnapError(error)) throw error
    })
  }
}

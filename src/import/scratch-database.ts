import { randomBytes } from 'node:crypto'
import { throwIfAborted } from '../errors.ts'
import { type DatabaseAddress, withDatabase } from '../postgres/address/database-address.ts'
import { quoteIdentifier } from '../postgres/quote.ts'
import { openSession } from '../postgres/session.ts'

/** Where dumps are restored to be captured. */
export interface Scratch {
  /** A server that may make a database; the address names one to begin at. */
  scratch: DatabaseAddress
  /** The server is thrown away afterwards: roles that are missing there are made. */
  isThrowaway: boolean
  signal?: AbortSignal | undefined
}

/** Makes a database, and drops it again whatever happens. */
export async function withScratchDatabase<T>(
  { scratch, signal }: Scratch,
  work: (database: DatabaseAddress) => Promise<T>,
): Promise<T> {
  const name = `snap_import_${randomBytes(6).toString('hex')}`
  const run = async (sql: string) => {
    // Not stopped by an interruption: what was made is to go.
    const admin = await openSession(scratch)
    try {
      await admin.execute(sql)
    } finally {
      await admin.close()
    }
  }
  throwIfAborted(signal, 'importing')
  await run(`CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0 ENCODING 'UTF8'`)
  try {
    return await work(withDatabase(scratch, name))
  } finally {
    await run(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`)
  }
}

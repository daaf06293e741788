import { readFile } from 'node:fs/promises'
import { isSnapError, type Session } from '../../src/index.ts'

/** What goes wrong in the demo: statements as somebody would type them. */
export const ACCIDENT = [
  'ALTER TABLE customers DROP COLUMN email',
  "DELETE FROM payments WHERE paid_at < '2025-07-01'",
  'DROP TABLE reviews',
] as const

/** Something that can be counted in the shop, and how. */
const MEASURES = [
  { name: 'customers with an email address', sql: 'SELECT count(email) FROM customers' },
  { name: 'payments', sql: 'SELECT count(*) FROM payments' },
  { name: 'sum of all payments', sql: 'SELECT sum(amount) FROM payments' },
  { name: 'reviews', sql: 'SELECT count(*) FROM reviews' },
  {
    name: 'checksum of all orders',
    sql: "SELECT left(md5(string_agg(orders::text, ',' ORDER BY id)), 12) FROM orders",
  },
] as const

export interface Fact {
  name: string
  /** Null when the table or column is gone. */
  value: string | null
}

/** Fills an empty database with the shop. */
export async function fillShop(session: Session): Promise<void> {
  await session.execute(await readShopSql())
  // `init` tells rows as the planner's statistics have them.
  await session.execute('ANALYZE')
}

/** Counts and sums what the demo compares. */
export async function measureShop(session: Session): Promise<Fact[]> {
  const facts: Fact[] = []
  for (const { name, sql } of MEASURES) {
    facts.push({ name, value: await measure(session, sql) })
  }
  return facts
}

async function measure(session: Session, sql: string): Promise<string | null> {
  try {
    const [row] = await session.query<Record<string, unknown>>(sql)
    return String(Object.values(row ?? {})[0])
  } catch (error) {
    const isGone =
      isSnapError(error, 'POSTGRES_REFUSED') && ['42P01', '42703'].includes(error.data.sqlState)
    if (isGone) return null
    throw error
  }
}

async function readShopSql(): Promise<string> {
  // Two levels up from cli/demo, three from dist/cli/demo.
  for (const root of ['../../', '../../../']) {
    const url = new URL(`${root}fixtures/databases/shop.sql`, import.meta.url)
    const text = await readFile(url, 'utf8').catch(() => undefined)
    if (text !== undefined) return text
  }
  throw new Error('fixtures/databases/shop.sql was not found beside the program')
}

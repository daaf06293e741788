/**
 * The rich fixture from one major into another.
 *
 * pg_dump itself promises this only upwards, so that is what is held here: every
 * schema entry exists under its name, every row is read back equal, and what is
 * written in other words is returned as such.
 */
import { expect, test } from 'vitest'
import { createFixtureDatabase } from '../support/fixtures.ts'
import {
  allMajors,
  databaseUrl,
  dropSubscriptions,
  queryOnce,
  serverOf,
} from '../support/postgres.ts'
import { addressOf, checkoutDatabase, commitDatabase, memoryStore } from '../support/session.ts'

const upwards = allMajors.slice(1).map((to, i) => [allMajors[i] as number, to])

test.each(upwards)(
  'everything of PostgreSQL %i comes up in a new database of %i',
  async (from, to) => {
    const database = await createFixtureDatabase(from as number, 'everything')
    // Roles and tablespaces belong to the server: the fixture makes them there, too.
    await createFixtureDatabase(to as number, 'everything')
    const store = await memoryStore()
    await commitDatabase(store, database.url)
    const name = `everything_${process.pid}_${to}`
    try {
      const into = await addressOf(databaseUrl(serverOf(to as number), name))
      const { result } = await checkoutDatabase(store, database.url, 'HEAD', {
        into,
        withRowProof: true,
      })
      expect(result.restored.tableCount).toBeGreaterThan(50)
      expect(result.proof?.tolerated.map(({ kind }) => kind)).toEqual(
        result.proof?.tolerated.map(() => 'different'),
      )
    } finally {
      await dropSubscriptions(serverOf(to as number), name)
      await queryOnce(
        serverOf(to as number),
        'postgres',
        `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`,
      )
    }
  },
)

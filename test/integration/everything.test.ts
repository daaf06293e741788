/**
 * The main job on real input: a database with all kinds of objects and values is
 * committed, wrecked, and checked out again, and pg_dump finds no difference.
 */
import { expect, test } from 'vitest'
import { createFixtureDatabase } from '../support/fixtures.ts'
import { allMajors, eachMajor } from '../support/postgres.ts'
import { checkoutDatabase, commitDatabase, memoryStore } from '../support/session.ts'
import { describeDifference, dumpWith } from '../support/witness.ts'
import { type Wrecking, wreckEverything, wreckings } from '../support/wreck.ts'

/** PostgreSQL 14 cannot drop an extension under an index with operator class options, so tables go first. */
const WRECK = `DO $$ DECLARE s text; BEGIN
  FOR s IN SELECT relnamespace::regnamespace || '.' || quote_ident(relname) FROM pg_class WHERE relkind IN ('r', 'p') AND relpersistence <> 't' AND NOT relispartition
    AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
  LOOP EXECUTE 'DROP TABLE IF EXISTS ' || s || ' CASCADE'; END LOOP; END $$;
  DO $$ DECLARE s text; BEGIN
  FOR s IN SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
  LOOP EXECUTE 'DROP SCHEMA ' || s || ' CASCADE'; END LOOP; END $$;
  SELECT lo_unlink(oid) FROM pg_largeobject_metadata;`

eachMajor((major) => {
  test.each(['everything', 'values'])('%s comes back when every schema was dropped', (fixture) =>
    expectRestored(major, fixture, async (client) => {
      await client.query(WRECK)
    }),
  )

  test('everything comes back when everything was damaged at once', () =>
    expectRestored(major, 'everything', wreckEverything))
})

test.each(Object.entries(wreckings))('everything comes back after %s', (_, wreck) =>
  expectRestored(allMajors.at(-1) as number, 'everything', wreck),
)

/** Commits the fixture, damages it, checks it out, and lets pg_dump say whether anything is missing. */
async function expectRestored(major: number, fixture: string, wreck: Wrecking): Promise<void> {
  const database = await createFixtureDatabase(major, fixture)
  const store = await memoryStore()
  const before = await dumpWith(major, database.url)
  const first = await commitDatabase(store, database.url)
  await database.withClient(wreck)

  await checkoutDatabase(store, database.url, 'HEAD')

  expect(describeDifference(before, await dumpWith(major, database.url))).toBeUndefined()
  const again = await commitDatabase(store, database.url)
  expect(again.commit.treeId).toBe(first.commit.treeId)
  await database.drop()
}

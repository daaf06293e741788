import { expect, test } from 'vitest'
import { createFixtureDatabase } from '../../support/fixtures.ts'
import { allMajors, eachMajor } from '../../support/postgres.ts'
import { dumpWith } from '../../support/witness.ts'
import { wreckEverything, wreckings } from '../../support/wreck.ts'

const oldestAndNewest = [...new Set([allMajors.at(0)!, allMajors.at(-1)!])]

test.each(oldestAndNewest)(
  'each wrecking leaves a database that pg_dump describes otherwise (PostgreSQL %i)',
  async (major) => {
    const before = await dumpWith(major, (await createFixtureDatabase(major, 'everything')).url)
    const unchanged: string[] = []

    for (const [name, wreck] of Object.entries(wreckings)) {
      const database = await createFixtureDatabase(major, 'everything')
      await database.withClient(wreck)
      if ((await dumpWith(major, database.url)) === before) unchanged.push(name)
      await database.drop()
    }

    expect(unchanged).toEqual([])
  },
)

eachMajor((major) => {
  test('what is left after everything is wrecked can still be dumped', async () => {
    const database = await createFixtureDatabase(major, 'everything')

    await database.withClient(wreckEverything)

    expect(await dumpWith(major, database.url)).toContain('CREATE SCHEMA wrecked')
  })

  test('a shop that has been dropped whole has no user objects left', async () => {
    const database = await createFixtureDatabase(major, 'shop')

    await database.withClient(wreckings.dropEverything)

    expect(await dumpWith(major, database.url)).not.toMatch(/^CREATE (?!SCHEMA public)/m)
  })
})

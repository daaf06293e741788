import { expect, test } from 'vitest'
import { createDatabase, eachMajor } from '../../support/postgres.ts'
import { describeDifference, dumpWith } from '../../support/witness.ts'

const SMALL = `
  CREATE TABLE item (id int PRIMARY KEY, note text);
  INSERT INTO item VALUES (2, 'zwei'), (1, E'a\\tb\\nc\\\\.');
  SELECT lo_from_bytea(4711, decode(repeat('ab', 5000), 'hex'));
`

eachMajor((major) => {
  test('two databases of the same content have the same dump, with schema, rows and large objects', async () => {
    const [one, other] = [await createDatabase(major), await createDatabase(major)]
    for (const database of [one, other]) await database.query(SMALL)

    const dump = await dumpWith(major, one.url)

    expect(describeDifference(dump, await dumpWith(major, other.url))).toBeUndefined()
    expect(dump).toContain('CREATE TABLE public.item')
    expect(dump).toContain('zwei')
    expect(dump).toContain('4711')
  })

  test('a dump of the schema alone has no rows, and one of the data alone no tables', async () => {
    const database = await createDatabase(major)
    await database.query(SMALL)

    const schema = await dumpWith(major, database.url, { schemaOnly: true })
    const data = await dumpWith(major, database.url, { dataOnly: true })

    expect([schema.includes('CREATE TABLE'), schema.includes('zwei')]).toEqual([true, false])
    expect([data.includes('CREATE TABLE'), data.includes('zwei')]).toEqual([false, true])
  })

  test.each([
    ['a changed row', `UPDATE item SET note = 'drei' WHERE id = 2`, 'drei'],
    ['another row order', `UPDATE item SET note = note WHERE id = 2`, 'zwei'],
    ['a changed default', 'ALTER TABLE item ALTER note SET DEFAULT 7', 'DEFAULT 7'],
    ['a changed large object', `SELECT lo_put(4711, 4000, 'x')`, '-'],
  ])('%s shows as a difference', async (_name, change, shown) => {
    const database = await createDatabase(major)
    await database.query(SMALL)
    const before = await dumpWith(major, database.url)

    await database.query(change)

    expect(describeDifference(before, await dumpWith(major, database.url))).toContain(shown)
  })

  test('with rows sorted, their order does not show, and a changed row still does', async () => {
    const database = await createDatabase(major)
    await database.query(`${SMALL} INSERT INTO item VALUES (3, E'x;\\n''"\\u2028\\r')`)
    const before = await dumpWith(major, database.url, { rowOrder: 'sorted' })

    await database.query('UPDATE item SET note = note WHERE id < 3')
    const moved = await dumpWith(major, database.url, { rowOrder: 'sorted' })
    await database.query(`UPDATE item SET note = E'x;\\n''"\\u2028' WHERE id = 3`)
    const changed = await dumpWith(major, database.url, { rowOrder: 'sorted' })

    expect(describeDifference(before, moved)).toBeUndefined()
    expect(describeDifference(before, changed)).toBeDefined()
  })

  test('a dump that pg_dump refuses is an error with its reason', async () => {
    const database = await createDatabase(major)
    await database.drop()
    await expect(dumpWith(major, database.url)).rejects.toThrow(/does not exist/)
  })
})

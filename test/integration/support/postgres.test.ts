import { expect, test } from 'vitest'
import {
  createDatabase,
  eachMajor,
  queryOnce,
  serverOf,
  withDatabase,
} from '../../support/postgres.ts'

eachMajor((major) => {
  test('a server answers as the version it was started for', async () => {
    const rows = await queryOnce(serverOf(major), 'postgres', 'SHOW server_version_num')
    expect(Math.floor(Number(rows[0]!.server_version_num) / 10_000)).toBe(major)
  })

  test('a database made from a template holds what the template holds', async () => {
    const original = await createDatabase(major)
    await original.query('CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)')

    const clone = await createDatabase(major, {
      template: original.name,
      name: `clone "of" ${major}`,
    })

    expect(await clone.query('SELECT id FROM kept')).toEqual([{ id: 7 }])
  })

  test('a database with a subscription and a connected session can be dropped', async () => {
    const name = await withDatabase(major, async (database) => {
      await database.query(
        `CREATE SUBSCRIPTION "odd name" CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)`,
      )
      await database.withClient(async (client) => {
        await client.query('SELECT 1')
        await database.drop()
      })
      return database.name
    })

    const left = await queryOnce(
      serverOf(major),
      'postgres',
      'SELECT datname FROM pg_database WHERE datname = $1',
      [name],
    )
    expect(left).toEqual([])
  })
})

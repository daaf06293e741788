/**
 * Migrations, each undone and done again by checkouts: pg_dump finds no
 * difference, only what differs is changed, and tables that a migration does not
 * touch keep their files.
 */
import { expect, test } from 'vitest'
import {
  createDatabase,
  eachMajor,
  oldestAndNewestMajor,
  type TestDatabase,
} from '../support/postgres.ts'
import { checkoutDatabase, commitDatabase, memoryStore } from '../support/session.ts'
import { groupTransitions, listTransitions, type Transition } from '../support/transitions.ts'
import { describeDifference, dumpWith } from '../support/witness.ts'

const GROUP_SIZE = 24

eachMajor((major) => {
  test.each(named(groupTransitions(listTransitions(), GROUP_SIZE)))(
    'there and back: %s',
    async (_, cases) => {
      await thereAndBack(major, cases, 'postgres')
    },
  )
})

oldestAndNewestMajor((major) => {
  const asOwner = listTransitions().filter(({ superuser }) => !superuser)
  test.each(named(groupTransitions(asOwner, GROUP_SIZE)))(
    'there and back by an owner who is no superuser: %s',
    async (_, cases) => {
      await thereAndBack(major, cases, 'snap_plain_owner')
    },
  )
})

function named(groups: Transition[][]): [names: string, cases: Transition[]][] {
  return groups.map((cases) => [cases.map(({ name }) => name).join(', '), cases])
}

async function thereAndBack(major: number, cases: Transition[], role: string): Promise<void> {
  const database = await createDatabase(major)
  await prepareRoles(database, role)
  const url = database.url.replace('user=postgres', `user=${role}`)
  const store = await memoryStore()
  for (const { namespace, a } of cases) {
    await runAs(database, role, `CREATE SCHEMA ${namespace}; SET search_path = ${namespace}; ${a}`)
  }
  const before = await commitDatabase(store, url)
  const dumpBefore = await dumpWith(major, database.url, { rowOrder: 'sorted' })
  for (const { namespace, b } of cases) {
    await runAs(database, role, `SET search_path = ${namespace}; ${b}`)
  }
  const after = await commitDatabase(store, url)
  const dumpAfter = await dumpWith(major, database.url, { rowOrder: 'sorted' })

  const kept = cases.flatMap(keptTables)
  for (const [commitId, dump, keptNames] of [
    [before.commitId, dumpBefore, kept.map(([a, b]) => [b, a])],
    [after.commitId, dumpAfter, kept],
  ] as const) {
    const filesBefore = await filesOf(database)
    const retries: string[] = []
    const { result } = await checkoutDatabase(store, url, commitId, {
      reporter: (event) => {
        if (event.kind === 'warning') retries.push(event.detail)
      },
    })

    const found = await dumpWith(major, database.url, { rowOrder: 'sorted' })
    expect(describeDifference(dump, found)).toBeUndefined()
    expect({ form: result.form, retries }).toEqual({ form: { kind: 'surgical' }, retries: [] })
    const filesAfter = await filesOf(database)
    const rewritten = [...filesBefore].filter(
      ([table, file]) => filesAfter.has(table) && filesAfter.get(table) !== file,
    )
    const kept = new Set(keptNames.map(([, name]) => name))
    expect(
      rewritten
        .map(([table]) => table)
        .filter((table) => !kept.has(table) && isOutside(table, cases)),
    ).toEqual([])
    expect(keptNames.map(([, name]) => `${name}: ${filesAfter.get(name!)}`)).toEqual(
      keptNames.map(([former, name]) => `${name}: ${filesBefore.get(former!)}`),
    )
  }
  await database.drop()
}

async function prepareRoles(database: TestDatabase, owner: string): Promise<void> {
  const roles = ['snap_reader', 'snap_other', 'snap_plain_owner']
  const make = roles.map(
    (role) =>
      `BEGIN CREATE ROLE ${role} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;`,
  )
  await database.query(`DO $$ BEGIN ${make.join('\n')} END $$`)
  if (owner !== 'postgres')
    await database.query(`ALTER DATABASE ${database.name} OWNER TO ${owner}`)
}

function runAs(database: TestDatabase, role: string, sql: string): Promise<unknown> {
  return database.query(`SET ROLE ${role};\n${sql}`)
}

/** The file of each table by `namespace.name`. */
async function filesOf(database: TestDatabase): Promise<Map<string, string>> {
  const rows = await database.query<{ table: string; file: string }>(`
    SELECT nspname || '.' || relname AS "table", relfilenode::text AS file
    FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind = 'r' AND nspname !~ '^pg_' AND nspname <> 'information_schema'`)
  return new Map(rows.map(({ table, file }) => [table, file]))
}

/** Qualified names of tables that only change their names: before and after the migration. */
function keptTables({ namespace, keeps = {} }: Transition): [a: string, b: string][] {
  const qualified = (name: string) => (name.includes('.') ? name : `${namespace}.${name}`)
  return Object.entries(keeps).map(([a, b]) => [qualified(a), qualified(b)])
}

/** A table that no migration names is not written to. */
function isOutside(table: string, cases: readonly Transition[]): boolean {
  const [namespace, name] = table.split(/\.(.*)/s) as [string, string]
  const own = cases.find((each) => each.namespace === namespace)
  if (own === undefined) return !cases.some(({ b }) => b.includes(name))
  return !own.b.includes(name) && !own.rebuilds?.includes(name)
}

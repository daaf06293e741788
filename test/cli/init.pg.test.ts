/** The first minutes: what `snap init` finds, says and asks, and what a first commit says. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { allMajors, databaseUrl, oldestAndNewestMajor, serverOf } from '../support/postgres.ts'
import { environment } from './run-snap.ts'
import { terminalTyping } from './terminal-input.ts'
import { newWorkplace } from './workplace.ts'

const newestMajor = allMajors.at(-1)!

/** Nothing but the files of the directory says which database. */
const WITHOUT_VARIABLES = { environment: environment() }

oldestAndNewestMajor((major) => {
  test('the statements that init prints are what a role lacks: after them a commit is made', async () => {
    const { database, json, snap } = await newWorkplace(major)
    const role = `${database.name}_re"port`
    const quoted = `"${role.replaceAll('"', '""')}"`
    await database.query(`
      CREATE ROLE ${quoted} LOGIN;
      CREATE SCHEMA audit; CREATE SEQUENCE audit.numbers;
      CREATE TABLE audit."odd.name" (id int); INSERT INTO audit."odd.name" VALUES (1);
      CREATE TABLE notes (id int); INSERT INTO notes VALUES (1), (2);
      ALTER TABLE notes ENABLE ROW LEVEL SECURITY; GRANT SELECT ON notes TO ${quoted};
      SELECT lo_from_bytea(0, 'large')`)
    try {
      const url = databaseUrl(serverOf(major), database.name, role)
      const { grants } = await json(['init', '--database', url])
      const commit = () => snap(['commit', '-m', 'x', '--database', url])
      equal((await commit()).exitCode, 6)
      for (const { statements } of grants) {
        for (const statement of statements) await database.query(statement)
      }
      equal((await commit()).exitCode, 0)
      equal((await json(['show'])).commit.message, 'x')
    } finally {
      await database.query(`DROP OWNED BY ${quoted}; DROP ROLE ${quoted}`)
    }
  })
})

describe('what is found', () => {
  test('init tells what is in the database, and the first commit what to do next', async () => {
    const { database, directory, snap } = await newWorkplace(newestMajor)
    await writeFile(join(directory, '.env.local'), `SHOP_URL='${database.url}'\n`)
    await database.query('CREATE SCHEMA audit; CREATE TABLE audit.log (id int)')
    const init = await snap(['init'], WITHOUT_VARIABLES)
    equal(init.exitCode, 0)
    match(init.stdout, /^Database: .*, named by \.env\.local#SHOP_URL$/m)
    match(init.stdout, /everything in it: 4 tables, about [56]\d\d rows, /)
    match(
      init.stdout,
      /^ {2}with 1 sequence, 1 view\n {2}in 2 schemas: audit \(1\), public \(3\)$/m,
    )
    match(init.stdout, /^The first takes .* and about .* of disk$/m)
    match(init.stderr, /^Next: {2}snap commit -m first$/m)

    const first = await snap(['commit', '-m', 'first'], WITHOUT_VARIABLES)
    match(first.stderr, /^Next: {2}snap status .*\n +snap checkout HEAD .*\n +snap ui /m)
    const second = await snap(['commit', '-m', 'second'], WITHOUT_VARIABLES)
    equal(second.stderr.includes('Next:'), false)
  })

  test('of several databases none is taken, and the one that is chosen is noted for later', async () => {
    const { database, directory, snap, succeed } = await newWorkplace(newestMajor)
    await writeFile(
      join(directory, '.env.local'),
      `SHOP_URL='${database.url}'\nOTHER_URL=postgresql://ada:s3cret@127.0.0.1:1/other\n`,
    )
    const unasked = await snap(['init'], WITHOUT_VARIABLES)
    equal(unasked.exitCode, 0)
    match(
      unasked.stderr,
      /name 2 databases: .*#SHOP_URL\), ada@127\.0\.0\.1:1\/other \(.*#OTHER_URL\)/,
    )
    equal(unasked.stderr.includes('s3cret'), false)
    const refused = await snap(['commit', '-m', 'x'], WITHOUT_VARIABLES)
    equal(refused.exitCode, 2)

    await rm(join(directory, '.snap'), { recursive: true })
    await succeed(['init', '--no-gitignore'], {
      ...WITHOUT_VARIABLES,
      isTerminal: true,
      stdin: terminalTyping('\r'),
    })
    deepEqual(JSON.parse(await readFile(join(directory, 'snap.config.json'), 'utf8')), {
      database: '.env.local#SHOP_URL',
    })
    match(await succeed(['commit', '-m', 'x'], WITHOUT_VARIABLES), /3 tables, 601 rows/)
  })
})

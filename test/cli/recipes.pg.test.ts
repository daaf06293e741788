/**
 * The recipes of the README, run as they are written: every line of a snippet at a
 * terminal, by the real program, with questions answered.
 *
 * Other programs are stand-ins on the PATH that keep the same books in the database
 * (alembic, Prisma, Django), or copy as rsync would. What differs from machine to
 * machine (REV, the name of a host) is filled in.
 */
import { deepEqual, equal, match } from 'node:assert/strict'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, onTestFinished, test } from 'vitest'
import { root } from '../guard/source-files.ts'
import { allMajors, databaseUrl, queryOnce, serverOf } from '../support/postgres.ts'
import { type Answer, runAtTerminal } from './at-terminal.ts'
import { type InstalledProgram, installProgram } from './installed-program.ts'
import { environment } from './run-snap.ts'
import { INTACT_SHOP, newWorkplace, readShop, WRECKAGE } from './workplace.ts'

const newestMajor = allMajors.at(-1)!
const server = () => serverOf(newestMajor)

let program: InstalledProgram
let recipes: Map<string, string>
beforeAll(async () => {
  program = await installProgram()
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const [, section] = /^## Recipes\n(.*?)^## /ms.exec(readme)!
  const parts = section!.split(/^\*\*(.+?)\*\*/m).slice(1)
  recipes = new Map(parts.flatMap((title, i) => (i % 2 === 0 ? [[title, parts[i + 1]!]] : [])))
})
afterAll(() => program.remove())

/** The lines of a recipe's snippet, without comments. */
function linesOf(title: string): string[] {
  const [, snippet] = /^```sh\n(.*?)^```/ms.exec(recipes.get(title)!)!
  const lines = snippet!.split('\n').map((line) => line.replace(/ +# .*/, ''))
  return lines.filter((line) => line !== '')
}

/** The command lines that stand in the text of a recipe. */
const commandsIn = (title: string): string[] =>
  [...recipes.get(title)!.matchAll(/`(snap [^`]+)`/g)].map(([, command]) => command!)

/** A workplace whose shell has the program, and stand-ins for all others that recipes name. */
async function newMachine() {
  const place = await newWorkplace(newestMajor)
  const { directory, database } = place
  const programs = join(directory, 'bin')
  await mkdir(programs)
  const install = async (path: string, script: string) => {
    await writeFile(path, `#!/bin/sh\n${script}\n`)
    await chmod(path, 0o755)
  }
  const tool = (name: string) => {
    const path = fileURLToPath(new URL(`../../fixtures/migrations/${name}.js`, import.meta.url))
    return `'${process.execPath}' '${path}'`
  }
  const migrations = {
    alembic: 'ALTER TABLE customers ADD COLUMN phone text;',
    prisma: 'CREATE TABLE tags (id int PRIMARY KEY);\n',
    django: 'CREATE TABLE notes (id int PRIMARY KEY);',
  }
  for (const [name, sql] of Object.entries(migrations)) {
    await mkdir(join(directory, name))
    await writeFile(join(directory, name, 'b1.sql'), sql)
  }
  await writeFile(join(directory, 'fix.sql'), 'DELETE FROM orders WHERE id > 10;\n')
  const stubs: Record<string, string> = {
    snap: `exec '${process.execPath}' '${program.path}' "$@"`,
    alembic: `[ "$*" = 'upgrade head' ] && exec ${tool('alembic-like')} alembic`,
    npx: `[ "$*" = 'prisma migrate deploy' ] && exec ${tool('prisma-like')} prisma`,
    python: `[ "$*" = 'manage.py migrate' ] && exec ${tool('django-like')} django`,
    psql: `[ "$*" = '-v ON_ERROR_STOP=1 -f fix.sql' ] && exec ${tool('plain-sql')} .`,
    node: 'echo "$@" serves',
    rsync: `[ "$*" = '-a --exclude tmp --exclude locks server:/srv/shop/.snap/ shop.snap/' ] &&
      cp -a .snap shop.snap && rm -rf shop.snap/tmp shop.snap/locks`,
    crontab: `case "$1" in
      -l) cat crontab.txt 2> /dev/null || { echo 'no crontab for ada' >&2; exit 1; } ;;
      -r) rm crontab.txt ;;
      -) cat > crontab.txt ;;
    esac`,
    systemctl: 'exit 1',
    loginctl: 'exit 1',
  }
  for (const [name, script] of Object.entries(stubs)) await install(join(programs, name), script)
  await install(join(directory, 'test.sh'), 'echo "suite $1 passed"')
  await install(join(directory, 'tell-us.sh'), 'exit 0')

  const { host, port, user } = server()
  const variables = {
    PATH: `${programs}:${process.env.PATH}`,
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    HOME: directory,
    DATABASE_URL: database.url,
  }
  const type = async (
    line: string,
    options: { answers?: readonly Answer[]; variables?: Record<string, string> } = {},
  ) => {
    const script = join(directory, 'line.sh')
    await writeFile(script, `${line}\n`)
    const { exitCode, screen } = await runAtTerminal(`bash '${script}'`, {
      workingDirectory: directory,
      environment: environment({ ...variables, ...options.variables }),
      answers: options.answers ?? [],
    })
    equal(exitCode, 0, `${line}\n${screen}`)
    return screen
  }
  return { ...place, type }
}

/** A database that a recipe makes by a name of its own. */
function dropAfterwards(name: string): void {
  onTestFinished(async () => {
    await queryOnce(server(), 'postgres', `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  })
}

test('before a migration: with alembic, Prisma, Django and plain SQL, and back', async () => {
  const { type, succeed, database } = await newMachine()
  await succeed(['init'])
  const [alembic, prisma, django, sql, rollback, ...more] = linesOf('Before a migration.')
  deepEqual(more, [])

  match(await type(alembic!), /Migration: {2}alembic ae1027a6acf -> b1/)
  match(await type(prisma!), /Migration: {2}prisma no table -> b1/)
  match(await type(django!), /Migration: {2}django no table -> shop\.b1/)
  const question = `Roll database '${database.name}' back`
  const asked = await type(sql!, { answers: [[question, 'n']] })
  match(stripVTControlCharacters(asked), /public\.orders +0 +490 +0/)
  await type(rollback!, { answers: [[`Make database '${database.name}' equal to`, 'y']] })

  deepEqual(
    await database.query(`
      SELECT (SELECT version_num FROM alembic_version) AS alembic, (SELECT count(*)::int FROM orders) AS orders,
        (SELECT name FROM django_migrations) AS django, to_regclass('tags')::text AS tags`),
    [{ alembic: 'b1', orders: 500, django: 'b1', tags: 'tags' }],
  )
})

test('in CI: each suite begins from what was seeded, and a migration is tried on a copy', async () => {
  const { type, database } = await newMachine()
  dropAfterwards('ci_copy')
  const [seed, suites, copy, ...more] = linesOf('In CI.')
  deepEqual(more, [])

  await type(seed!)
  await database.query(WRECKAGE)
  match(await type(suites!), /suite a passed.*suite b passed.*suite c passed/s)
  deepEqual(await readShop(database), INTACT_SHOP)
  await type(copy!)

  const version = 'SELECT version_num FROM alembic_version'
  deepEqual(await queryOnce(server(), 'ci_copy', version), [{ version_num: 'b1' }])
  deepEqual(await database.query(version), [{ version_num: 'ae1027a6acf' }])
})

test('when an application starts: it commits, and starts', async () => {
  const { type, succeed } = await newMachine()
  await succeed(['init'])
  const [command, ...more] = commandsIn('When an application starts')
  deepEqual(more, [])
  match(await type(command!), /^server\.js serves/m)
  match(await succeed(['log', '--oneline', '--all']), /^[0-9a-f]{12} /)
})

test('every night: the schedule is there, and the probe and the doctor look at it', async () => {
  const { type, succeed, directory, database } = await newMachine()
  await succeed(['init'])
  await writeFile(join(directory, '.env'), `DATABASE_URL='${database.url}'\n`)
  await succeed(['commit', '-m', 'nightly'], { now: () => new Date() })
  const [schedule, probe, doctor, ...more] = linesOf('Every night.')
  deepEqual(more, [])

  await type(schedule!)
  match(await readFile(join(directory, 'crontab.txt'), 'utf8'), /^0 2 \* \* \* .*--keep-daily=30/m)
  match(await type(probe!), /the newest commit was made/)
  match(await type(doctor!), /commits are scheduled at '0 2 \* \* \*'/)
})

test('when it burns: every step works, also when the old server is gone', async () => {
  const { type, succeed, directory, database } = await newMachine()
  dropAfterwards('rescue')
  dropAfterwards('new_shop')
  await succeed(['init'])
  await writeFile(join(directory, '.env'), `DATABASE_URL='${database.url}'\n`)
  await succeed(['commit', '-m', 'good'])
  const good = (await succeed(['rev-parse', 'HEAD'])).trim()
  await database.query(WRECKAGE)
  await type('snap schedule --daily 02:00 --keep-daily 30')

  const elsewhere = databaseUrl(server(), 'new_shop')
  const screens = new Map<string, string>()
  for (const written of commandsIn('When it burns.')) {
    const command = written
      .replaceAll('REV', good)
      .replace('postgresql://ada@new-host/shop', `'${elsewhere}'`)
    // 1 is the answer "different".
    const isAnswer = /^snap (?:status|diff|check)/.test(command)
    const isOnNewServer = command.includes(elsewhere) || command.startsWith('snap export')
    const screen = await type(isAnswer ? `${command} || [ $? = 1 ]` : command, {
      variables: isOnNewServer ? { DATABASE_URL: 'postgresql://127.0.0.1:1/gone' } : {},
      answers: [[`Make database '${database.name}' equal to`, 'y']],
    })
    screens.set(written, screen)
    // "… then without."
    if (written.endsWith(' --dry-run')) {
      await type(command.replace(' --dry-run', ''), {
        answers: [[`Make database '${database.name}' equal to`, 'y']],
      })
      deepEqual(await readShop(database), INTACT_SHOP)
    }
  }

  match(screens.get('snap fsck')!, /No problems found/)
  match(screens.get('snap undo')!, /Returned to the state before the checkout/)
  match(screens.get('snap diff HEAD REV --sql')!, /INSERT INTO "public"\."orders"/)
  match(screens.get('snap export REV')!, /CREATE TABLE public\.customers/)
  const emails = 'SELECT count(email)::int AS emails FROM customers'
  for (const name of ['rescue', 'new_shop']) {
    deepEqual(await queryOnce(server(), name, emails), [{ emails: 100 }])
  }
})

test('from production to a laptop: the copy of a store is enough', async () => {
  const { type, succeed } = await newMachine()
  dropAfterwards('shop_dev')
  await succeed(['init'])
  await succeed(['commit', '-m', 'of production'])
  for (const line of linesOf('From production to a laptop.')) {
    await type(line, { variables: { DATABASE_URL: 'postgresql://127.0.0.1:1/gone' } })
  }
  deepEqual(await queryOnce(server(), 'shop_dev', 'SELECT count(*)::int AS orders FROM orders'), [
    { orders: 500 },
  ])
})

test('no recipe is without its test', () => {
  deepEqual(
    [...recipes.keys()],
    [
      'Before a migration.',
      'In CI.',
      'When an application starts',
      'Every night.',
      'When it burns.',
      'From production to a laptop.',
    ],
  )
})

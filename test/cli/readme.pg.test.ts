/**
 * What the README shows of a run is of a run: transcripts are typed again at a real
 * terminal, screens of `snap ui` are drawn again, programs are compiled and started.
 *
 * Ids, times and sizes differ from run to run and do not count. Where anything else
 * differs, `npx vitest run test/cli/readme.pg.test.ts -u` records the README anew.
 */
import { deepEqual, equal, match } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from '../guard/source-files.ts'
import { allMajors } from '../support/postgres.ts'
import { openTerminal } from '../support/terminal.ts'
import { type InstalledProgram, installProgram } from './installed-program.ts'
import { environment, temporaryDirectory } from './run-snap.ts'
import { openUi } from './ui/ui-terminal.ts'
import { newWorkplace, type Workplace } from './workplace.ts'

const newestMajor = allMajors.at(-1)!
const readmePath = join(root, 'README.md')

let program: InstalledProgram
let readme: string
beforeAll(async () => {
  program = await installProgram()
  readme = await readFile(readmePath, 'utf8')
})
afterAll(() => program.remove())

/** What stands between the fences after `<!-- recorded: name -->`, and where. */
function recorded(name: string): { text: string; start: number; end: number } {
  const head = new RegExp(`<!-- recorded: ${name} -->\n\`\`\`\\w+\n`).exec(readme)
  if (head === null) throw new Error(`the README has no place for '${name}'`)
  const start = head.index + head[0].length
  const end = readme.indexOf('\n```', start)
  return { text: readme.slice(start, end), start, end }
}

/** Compares a run with what is recorded of it, and records it anew with -u. */
async function expectRecorded(name: string, text: string): Promise<void> {
  const before = recorded(name)
  if (structureOf(text) !== structureOf(before.text)) {
    readme = readme.slice(0, before.start) + text + readme.slice(before.end)
  }
  await expect(readme).toMatchFileSnapshot(readmePath)
}

/** Without what is of the moment: ids, times, sizes, and the width of columns that hold these. */
function structureOf(text: string): string {
  return text
    .replace(/\b[0-9a-f]{8,64}\b…?/g, 'ID')
    .replace(
      /(?<![\d.])(?:just now|\d+ (?:seconds?|minutes?|min|hours?|h|days?|d|weeks?|w|s) ?(?:ago)?)/g,
      'AGO',
    )
    .replace(/\d[\d,.]* ?(?:B|KiB|MiB|ms|s)\b/g, 'SIZE')
    .replace(/a second or two|some seconds|about AGO/g, 'A WHILE')
    .replace(/PostgreSQL \d+\.\d+/g, 'PostgreSQL')
    .replace(/ +/g, ' ')
}

/** The real place has a name that no reader has any use for. */
function withoutMachine(text: string, { directory, database }: Workplace): string {
  const { searchParams } = new URL(database.url)
  const server = `${searchParams.get('user')}@${searchParams.get('host')}:${searchParams.get('port')}/`
  return text
    .replaceAll(`${server}${database.name}`, 'ada@localhost:5432/shop')
    .replaceAll(database.name, 'shop')
    .replaceAll(directory, '/home/ada/shop')
}

/** A directory with the shop of the demo, and a shell that has `snap` and a `psql`. */
async function newShop(): Promise<{ place: Workplace; variables: Record<string, string> }> {
  const sql = await readFile(join(root, 'fixtures/databases/shop.sql'), 'utf8')
  const place = await newWorkplace(newestMajor, `${sql}; ANALYZE`)
  const programs = await temporaryDirectory()
  const install = async (name: string, script: string) => {
    await writeFile(join(programs, name), `#!/bin/sh\n${script}\n`)
    await chmod(join(programs, name), 0o755)
  }
  await install('snap', `exec '${process.execPath}' '${program.path}' "$@"`)
  const runSql = `import pg from '${join(root, 'node_modules/pg/esm/index.mjs')}'
    const client = new pg.Client(process.env.DATABASE_URL)
    await client.connect(); await client.query(process.argv[2]); await client.end()`
  await writeFile(join(programs, 'psql.mjs'), runSql)
  await install('psql', `exec '${process.execPath}' '${join(programs, 'psql.mjs')}' "$2"`)
  await writeFile(join(place.directory, '.env'), `DATABASE_URL='${place.database.url}'\n`)
  return { place, variables: { PATH: `${programs}:${process.env.PATH}`, HOME: place.directory } }
}

test('the transcript at the top is what a terminal shows', async () => {
  const { place, variables } = await newShop()
  const commands = recorded('story')
    .text.split('\n')
    .filter((line) => line.startsWith('$ '))
  deepEqual(
    commands.map((line) => line.split(' ')[1]),
    ['snap', 'snap', 'psql', 'psql', 'snap'],
  )
  const script = commands.map((line, i) => {
    const say = `printf '%s\\n' '${line.replaceAll("'", `'\\''`)}'`
    const isSilent = commands[i - 1]?.startsWith('$ psql') === true
    return `${i === 0 || (isSilent && line.startsWith('$ psql')) ? '' : 'echo\n'}${say}\n${line.slice(2)}`
  })
  const scriptPath = join(variables.HOME!, '.story.sh')
  await writeFile(scriptPath, `${script.join('\n')}\necho; echo "it ended"\n`)
  const terminal = await openTerminal({
    columns: 120,
    rows: 100,
    commandLine: `sh '${scriptPath}'; exec cat`,
    workingDirectory: place.directory,
    environment: environment({ ...variables, DATABASE_URL: place.database.url, NO_COLOR: '1' }),
  })
  const screen = await terminal.shows('it ended')
  const text = screen.slice(0, screen.indexOf('it ended')).trim()
  // Blank lines stand before commands alone: a reader sees at once where one begins.
  const lines = withoutMachine(text, place).split('\n')
  const shown = lines.filter((line, i) => line !== '' || lines[i + 1]?.startsWith('$ '))
  await expectRecorded('story', shown.join('\n'))
})

/** A history with a branch, a tag and a migration, of some weeks. */
async function shopWithHistory(): Promise<Workplace> {
  const place = await newWorkplace(newestMajor)
  const { database, succeed } = place
  const HOUR_MS = 3_600_000
  const ago = (hours: number) => ({ now: () => new Date(Date.now() - hours * HOUR_MS) })
  await succeed(['init'], ago(400))
  await succeed(['commit', '-m', 'first'], ago(399))
  await database.query(
    `INSERT INTO customers SELECT n, 'customer ' || n FROM generate_series(101, 1100) AS n`,
  )
  await succeed(['commit', '-m', 'nightly'], ago(72))
  await succeed(['tag', 'before-prices'], ago(72))
  await succeed(['branch', 'prices'], ago(72))
  await succeed(['checkout', 'prices', '-y'], ago(60))
  await database.query('UPDATE orders SET total = total * 1.05')
  await succeed(['commit', '-m', 'what if: +5 %'], ago(60))
  await succeed(['checkout', 'main', '-y'], ago(59))
  await database.query(`UPDATE alembic_version SET version_num = '27c6a30dd1f4'`)
  await succeed(['commit', '-m', 'migration: currencies'], ago(49))
  await database.query('UPDATE orders SET total = total * 1.1 WHERE id <= 40')
  await succeed(['commit', '-m', 'prices up by 10 %'], ago(5))
  await database.query(`DELETE FROM customers WHERE id > 500; DROP VIEW spending`)
  await succeed(['commit', '-m', '注文 archived'], ago(0.2))
  return place
}

/** Runs of blank lines say nothing on paper. */
const compact = (screen: string) => screen.trimEnd().replace(/\n{3,}/g, '\n\n')

test('the screens of snap ui are what it draws', async () => {
  const place = await shopWithHistory()
  const size = { columns: 80, rows: 30 }
  const terminal = await openUi(program, place, { size })
  await terminal.shows('archived', '(HEAD -> main)')
  await expectRecorded('ui log', compact(withoutMachine(await terminal.screen(), place)))
  await terminal.press('d')
  await terminal.shows('- VIEW', '--stat')
  await expectRecorded('ui diff', compact(withoutMachine(await terminal.screen(), place)))
  await terminal.press('q', 'j', 'c')
  await terminal.shows('equal to', 'y or n', '$ snap checkout')
  await expectRecorded('ui checkout', compact(withoutMachine(await terminal.screen(), place)))
})

/** The programs of the README, in its order. */
function examples(): string[] {
  const [, section] = /^## As a library\n(.*?)^## /ms.exec(readme)!
  return [...section!.matchAll(/^```ts\n(.*?)^```/gms)].map(([, text]) => text!)
}

test('the programs of the README compile, and do what it says of them', async () => {
  const { place } = await newShop()
  const directory = dirname(dirname(dirname(program.path)))
  const files = await Promise.all(
    examples().map(async (text, i) => {
      const path = join(directory, `example-${i}.ts`)
      await writeFile(path, text)
      return path
    }),
  )
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  // In the package's own directory its name means itself.
  const settings = '--module nodenext --target es2023 --strict --skipLibCheck --types node'
  await promisify(execFile)(process.execPath, [compiler, ...settings.split(' '), ...files], {
    cwd: directory,
  }).catch(({ stdout }) => {
    throw new Error(`an example does not compile:\n${stdout}`)
  })
  const outputs: string[] = []
  for (const path of files) {
    const { stdout } = await promisify(execFile)(process.execPath, [path.replace(/ts$/, 'js')], {
      cwd: place.directory,
      env: environment({ DATABASE_URL: place.database.url }),
    })
    outputs.push(stdout)
  }
  const [story, rows, progress, ...more] = outputs
  deepEqual(more, [])
  match(
    story!,
    /^43,?697 rows in [0-9a-f]{64}\npayments \{[^}]*deleted: 2818[^}]*\}\n.*payments.*\nproven: true\n$/s,
  )
  match(rows!, /^id,.*\n1,/)
  equal(rows!.trimEnd().split('\n').length, 1 + 4827)
  match(progress!, /^public\.orders: 5000 rows$/m)
  match(progress!, /^stopped, and nothing was committed$/m)
})

/**
 * What is offered for a command line, without the shells; `completion-shells.test.ts` asks those.
 */
import { deepEqual, equal } from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { ALL_COMMANDS } from '../../cli/commands/all-commands.ts'
import { findValueKind, placeholderOf } from '../../cli/completion/value-kinds.ts'
import type { Context } from '../../cli/context.ts'
import type { ProgramIo } from '../../cli/io.ts'
import { addCommands, createProgram } from '../../cli/program.ts'
import { commitToMain } from '../support/store.ts'
import { type LocalPlace, newLocalPlace } from './local-store.ts'
import { CapturedStream } from './run-snap.ts'

const CONFIG = `{
  "alias": { "last": "log -n 1" },
  "sources": { "redis": { "command": { "dump": "x" } } }
}`

let place: LocalPlace
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snap-test-'))
  place = await newLocalPlace(async (store) => {
    await commitToMain(store, { orders: ['1\n'] }, { message: 'first' })
    const migrations = [{ tool: 'alembic', table: 'public.alembic_version', heads: ['0041_tidy'] }]
    const tables = { orders: ['1\n2\n'], users: ['1\n'], 'Odd Name': ['1\n'] }
    await commitToMain(store, tables, { message: 'second', migrations: migrations as never })
  }, directory)
  await place.snap(['tag', 'v1', 'HEAD~1'])
  await place.snap(['branch', 'topic'])
  await writeFile(join(place.directory, 'snap.config.json'), CONFIG)
})

afterAll(() => rm(directory, { recursive: true, force: true }))

/** What is offered for the last word, as `fish` is told. */
async function offers(...words: string[]): Promise<string[]> {
  const { exitCode, stdout, stderr } = await place.snap(['__complete', 'fish', '--', ...words])
  deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' })
  return stdout.trimEnd().split('\n')
}

const valuesOf = (lines: string[]) => lines.map((line) => line.split('\t')[0]!)

describe('what stands in the program is offered', () => {
  test.each([
    [['chec'], ['words', 'check', 'checkout']],
    [['--js'], ['words', '--json', '--json-schema']],
    [
      ['log', '--o'],
      ['words', '--oneline'],
    ],
    [['log', '--oneline', '--o'], ['words']],
    [
      ['checkout', 'HEAD', '--prove', ''],
      ['words', 'counts', 'full'],
    ],
    [
      ['checkout', 'HEAD', '--prove=f'],
      ['words', '--prove=full'],
    ],
    [
      ['schedule', 'r'],
      ['words', 'remove', 'run'],
    ],
    [
      ['--color', 'a'],
      ['words', 'auto', 'always'],
    ],
    [['--color=n'], ['words', '--color=never']],
    [
      ['-q', 'stat'],
      ['words', 'status', 'stats'],
    ],
    [['las'], ['words', 'last']],
    [
      ['last', '--on'],
      ['words', '--oneline'],
    ],
    [
      ['help', 'rec'],
      ['words', 'recovery'],
    ],
    [
      ['config', 'set', 'rules.default.mayGo', ''],
      ['words', 'true', 'false'],
    ],
    [
      ['config', 'get', 'migrate.'],
      ['words', 'migrate.directory', 'migrate.schema', 'migrate.table'],
    ],
    [
      ['config', 'get', 'sources.'],
      ['unfinished', 'sources.', 'sources.redis.command.dump'],
    ],
    [
      ['completion', ''],
      ['words', 'bash', 'zsh', 'fish'],
    ],
    [['nonsense', ''], ['']],
    [['load', ''], ['files']],
    [['--store', ''], ['directories']],
    [['run', '--', 'psql', ''], ['files']],
  ])('snap %j', async (words, expected) => {
    deepEqual(valuesOf(await offers(...words)), expected)
  })
})

describe('what is in the store is offered', () => {
  test.each([
    [
      ['checkout', 'm'],
      ['words', 'main'],
    ],
    [
      ['show', 'HEA'],
      ['words', 'HEAD'],
    ],
    [
      ['diff', 'v1', 'to'],
      ['words', 'topic'],
    ],
    [
      ['show', 'HEAD~'],
      ['words', 'HEAD~1'],
    ],
    [
      ['show', 'main@{'],
      ['words', 'main@{0}', 'main@{1}'],
    ],
    [
      ['show', 'HEAD:'],
      ['words', 'HEAD:schema'],
    ],
    [
      ['show', 'migration:'],
      ['words', 'migration:0041_tidy'],
    ],
    [
      ['checkout', '--migration', ''],
      ['words', '0041_tidy'],
    ],
    [
      ['cat', 'v'],
      ['unfinished', 'v1:'],
    ],
    [
      ['cat', 'v1:'],
      ['words', 'v1:orders'],
    ],
    [
      ['cat', 'HEAD:us'],
      ['words', 'HEAD:users'],
    ],
    [
      ['cat', 'HEAD:public.o'],
      ['words', 'HEAD:public.orders'],
    ],
    [
      ['status', '--table', 'o'],
      ['words', 'orders'],
    ],
    [
      ['status', '--table='],
      ['words', '--table="Odd Name"', '--table=orders', '--table=users'],
    ],
    [
      ['tag', '-d', ''],
      ['words', 'v1'],
    ],
    [
      ['branch', '-d', ''],
      ['words', 'main', 'topic'],
    ],
    [
      ['reflog', 't'],
      ['words', 'topic'],
    ],
  ])('snap %j', async (words, expected) => {
    deepEqual(valuesOf(await offers(...words)), expected)
  })

  test('commits by the beginnings of their ids, with their titles', async () => {
    const { stdout } = await place.snap(['rev-parse', 'HEAD'])
    const id = stdout.trim()
    deepEqual(await offers('show', id.slice(0, 6)), ['words', `${id.slice(0, 12)}\tsecond`])
    deepEqual(await offers('show', id.slice(0, 20)), ['words', `${id}\tsecond`])
  })
})

test('where there is no store, commands are offered and nothing is said', async () => {
  const elsewhere = { workingDirectory: '/' }
  const complete = async (...words: string[]) =>
    (await place.snap(['__complete', 'zsh', '--', ...words], elsewhere)).stdout
  equal(await complete('rev-p'), 'words\nrev-parse\tprint the id a revision names\n')
  equal(await complete('show', ''), '')
})

test('for bash, values are written as they must stand on its line', async () => {
  const complete = async (...words: string[]) =>
    (await place.snap(['__complete', 'bash', '--', ...words])).stdout
  equal(await complete('status', '--table', '\\"O'), 'words\n\\"Odd\\ Name\\"\n')
  equal(await complete('status', '--table', `'"O`), 'words\n"Odd Name"\n')
})

test('every value on every command line has its kind in value-kinds.ts, "other" if nothing else', async () => {
  const io = { stdout: new CapturedStream(), stderr: new CapturedStream() } as unknown as ProgramIo
  const unknown: string[] = []
  for (const { name } of [...ALL_COMMANDS, { name: 'help' }]) {
    const program = await createProgram(io)
    await addCommands(program, [name], { io } as Context)
    const command = program.commands.find((each) => each.name() === name)!
    const withValues = [...command.options, ...program.options].filter(
      (option) => option.required || option.optional,
    )
    for (const each of [...command.registeredArguments, ...withValues]) {
      if (each.argChoices === undefined && findValueKind(name, each) === undefined) {
        unknown.push(`${name}:${placeholderOf(each)}`)
      }
    }
  }
  deepEqual(unknown, [])
})

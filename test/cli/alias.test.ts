import { deepEqual, equal, match } from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { parseShellWords } from '../../cli/shell-words.ts'
import { commitToMain } from '../support/store.ts'
import { newLocalPlace } from './local-store.ts'

async function newPlace(alias: Record<string, string>) {
  const place = await newLocalPlace(async (store) => {
    await commitToMain(store, { orders: ['1\n'] }, { message: 'first' })
    await commitToMain(store, { orders: ['1\n2\n'] }, { message: 'the second' })
  })
  await writeFile(join(place.directory, 'snap.config.json'), JSON.stringify({ alias }))
  return place
}

describe('an alias is what it stands for', () => {
  test.each([
    [['l'], ['log', '--oneline']],
    [
      ['l', '-n', '1'],
      ['log', '--oneline', '-n', '1'],
    ],
    [
      ['-q', 'l'],
      ['-q', 'log', '--oneline'],
    ],
    [['last'], ['log', '--oneline', '-n', '1']],
    [['asjson'], ['--json', 'log']],
    [
      ['tagged', '--json'],
      ['tag', '-m', 'two words', 'v1', '--json'],
    ],
  ])('snap %j is snap %j', async (argv, meant) => {
    const alias = {
      l: 'log --oneline',
      last: 'l -n 1',
      asjson: '--json log',
      tagged: "tag -m 'two words' v1",
      log: 'status',
    }
    const [found, expected] = [await newPlace(alias), await newPlace(alias)]
    const outcome = await found.snap(argv)
    equal(outcome.exitCode, 0, outcome.stderr)
    deepEqual(outcome, await expected.snap(meant))
  })
})

test('an option of the program that takes a value is no name of an alias', async () => {
  const { snap, directory } = await newPlace({ l: 'log --oneline' })
  equal((await snap(['--store', join(directory, '.snap'), 'l'])).exitCode, 0)
  match((await snap(['--store', 'l', 'l'])).stderr, /^fatal: unknown command 'l'/)
})

test('aliases that lead back to one another are refused', async () => {
  const { snap } = await newPlace({ a: 'b --oneline', b: '-q a' })
  deepEqual(await snap(['a']), {
    exitCode: 2,
    stdout: '',
    stderr:
      "fatal: the alias 'a' leads back to itself: a → b → a\n" +
      "hint: 'snap config get alias.a' shows what it stands for\n",
  })
})

test('help says what an alias stands for, and guesses at names near one', async () => {
  const { snap } = await newPlace({ latest: 'log -n 1' })
  equal((await snap(['help', 'latest'])).stdout, "'latest' stands for 'snap log -n 1'\n")
  match((await snap(['help', 'latset'])).stderr, /did you mean latest\?/)
})

test('an alias that would be a command of a shell, or holds a password, is refused by its place', async () => {
  const { snap } = await newPlace({ x: '!rm -rf .', y: 'log --database postgres://a:secret@h/d' })
  const { exitCode, stderr } = await snap(['x'])
  equal(exitCode, 2)
  match(stderr, /alias\.x must be a command line of snap/)
  match(stderr, /alias\.y must not hold a password/)
  equal(stderr.includes('secret'), false)
})

describe('a line is split into words as a shell does it', () => {
  test.each([
    ['', []],
    ['  log   -n 5 ', ['log', '-n', '5']],
    [`a 'b c' "d \\"e\\" $f" g\\ h`, ['a', 'b c', 'd "e" $f', 'g h']],
    [`x'y'"z"`, ['xyz']],
    [`''`, ['']],
    [`"not closed`, ['not closed']],
    [`'it`, ['it']],
  ])('%j', (line, words) => {
    deepEqual(parseShellWords(line), words)
  })
})

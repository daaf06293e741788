import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { runSnap } from './run-snap.ts'

test('snap alone prints its help on stderr and ends with 2', async () => {
  const { exitCode, stdout, stderr } = await runSnap([])
  deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' })
  match(stderr, /^Usage: snap /)
})

describe('a wrong command line ends with 2 and one sentence', () => {
  test.each([
    [['comit'], "fatal: unknown command 'comit'\nhint: did you mean commit?\n"],
    [['frobnicate'], "fatal: unknown command 'frobnicate'\nhint: see 'snap help'\n"],
    [['log', '--onelin'], "fatal: unknown option '--onelin'\nhint: did you mean --oneline?\n"],
    [['--frob', 'log'], "fatal: unknown option '--frob'\nhint: see 'snap help'\n"],
    [['cat'], "fatal: missing required argument 'table'\nhint: see 'snap help'\n"],
    [
      ['checkout'],
      "fatal: no revision to check out\nhint: write 'snap checkout REVISION' or 'snap checkout --migration HEAD'\n",
    ],
    [
      ['undo', 'HEAD'],
      "fatal: too many arguments for 'undo'. Expected 0 arguments but got 1\nhint: see 'snap help'\n",
    ],
    [
      ['log', '-n', '0'],
      "fatal: option '-n, --max-count <count>' argument '0' is invalid. It must be a whole number of at least 1\nhint: see 'snap help'\n",
    ],
    [
      ['commit', '--lock-timeout', '10'],
      "fatal: option '--lock-timeout <duration>' argument '10' is invalid. Write it as '500ms', '10s' or '2min'\nhint: see 'snap help'\n",
    ],
    [
      ['--color', 'pink', 'log'],
      "fatal: option '--color <when>' argument 'pink' is invalid. Allowed choices are auto, always, never\nhint: see 'snap help'\n",
    ],
  ])('%j', async (argv, stderr) => {
    deepEqual(await runSnap(argv), { exitCode: 2, stdout: '', stderr })
  })
})

test('under --json a wrong command line is one line of JSON, wherever --json stands', async () => {
  for (const argv of [
    ['--json', 'comit'],
    ['log', '--frob', '--json'],
  ]) {
    const { exitCode, stdout, stderr } = await runSnap(argv)
    deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' })
    equal(JSON.parse(stderr).code, 'USAGE')
  }
})

test('errors are red on a terminal, and plain with --color never', async () => {
  const onTerminal = await runSnap(['comit'], { isTerminal: true })
  const plain = await runSnap(['--color', 'never', 'comit'], { isTerminal: true })
  match(onTerminal.stderr, /^\u001b\[31mfatal:\u001b\[39m unknown command/)
  match(plain.stderr, /^fatal: unknown command/)
})

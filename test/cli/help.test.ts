import { deepEqual, equal, match } from 'node:assert/strict'
import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
import { ALL_COMMANDS } from '../../cli/commands/all-commands.ts'
import { HELP_TOPICS } from '../../cli/help-topics.ts'
import { readSchemaText } from '../../cli/json-schemas.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { runSnap } from './run-snap.ts'

test('snap --help lists every command with its summary', async () => {
  const { exitCode, stdout, stderr } = await runSnap(['--help'])
  expect(stdout).toMatchSnapshot()
  deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' })
})

test('snap help and snap --help say the same', async () => {
  deepEqual(await runSnap(['help']), await runSnap(['--help']))
})

test('snap --version prints the version of the package', async () => {
  deepEqual(await runSnap(['--version']), {
    exitCode: 0,
    stdout: `${packageJson.version}\n`,
    stderr: '',
  })
})

describe.each(ALL_COMMANDS)('snap $name --help', ({ name }) => {
  test('reads as it should', async () => {
    const { exitCode, stdout } = await runSnap([name, '--help'])
    expect(stdout).toMatchSnapshot()
    equal(exitCode, 0)
  })

  test('has a paragraph, examples that begin with its name, and exit codes', async () => {
    const { stdout } = await runSnap([name, '--help'])
    match(stdout, new RegExp(`Examples:\\n  snap ${name}`))
    match(stdout, /Exit codes:\n {2}0 {2}done/)
    match(stdout, /JSON keys:\n/)
    match(stdout, /See also:\n {2}snap /)
  })

  test('is what snap help prints for it', async () => {
    deepEqual(await runSnap(['help', name]), await runSnap([name, '--help']))
  })
})

describe.each(HELP_TOPICS)('snap help $name', ({ name }) => {
  test('fits a terminal of 80 columns, and leads on', async () => {
    const { exitCode, stdout, stderr } = await runSnap(['help', name])
    deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' })
    match(stdout, /^[A-Z ,:]+\n\n/)
    match(stdout, /\nSEE ALSO\n {2}snap /)
    deepEqual(
      stdout.split('\n').filter((line) => stringWidth(line) > 80),
      [],
    )
    equal(stdout.includes('{{'), false)
  })
})

test('every command and topic that help refers to is there', async () => {
  const known = [...ALL_COMMANDS, ...HELP_TOPICS].map((each) => each.name)
  for (const name of known) {
    const { stdout } = await runSnap(['help', name])
    const named = stdout
      .slice(stdout.search(/see also:/i))
      .split('\n', 4)
      .slice(1)
      .join(' ')
      .matchAll(/snap (?:help )?([a-z-]+)/g)
    for (const [reference, to] of named) {
      equal(known.includes(to!), true, `snap help ${name} refers to '${reference}'`)
    }
  }
})

test('a command or topic that is not there is guessed', async () => {
  deepEqual(await runSnap(['help', 'recvoery']), {
    exitCode: 2,
    stdout: '',
    stderr: "fatal: there is no command or topic 'recvoery'\nhint: did you mean recovery?\n",
  })
})

describe('--json-schema prints the published schema, whatever else is missing', () => {
  test.each([
    [['log', '--json-schema'], 'log'],
    [['--json-schema', 'cat'], 'cat'],
    [['checkout', '--json', '--json-schema'], 'checkout'],
    [['--json-schema'], 'error'],
  ])('%j', async (argv, name) => {
    deepEqual(await runSnap(argv), { exitCode: 0, stdout: readSchemaText(name), stderr: '' })
  })

  test('of a command that is not there it is refused', async () => {
    const { exitCode, stdout, stderr } = await runSnap(['nonsense', '--json-schema'])
    deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' })
    match(stderr, /^fatal: there is no schema of 'nonsense'/)
  })
})

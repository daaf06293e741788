import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, expect, test } from 'vitest'
import { ALL_COMMANDS } from '../../cli/commands/all-commands.ts'
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

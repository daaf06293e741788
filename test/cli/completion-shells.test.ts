/**
 * The completion scripts, run by the shells they are for: Tab is pressed on a real terminal, and what
 * the shell makes of its line is run.
 */
import { deepEqual, equal, match } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { commitToMain } from '../support/store.ts'
import { openTerminal, type Terminal } from '../support/terminal.ts'
import { type InstalledProgram, installProgram } from './installed-program.ts'
import { newLocalPlace } from './local-store.ts'

let directory: string
let program: InstalledProgram
let environment: Record<string, string>

beforeAll(async () => {
  program = await installProgram()
  directory = await mkdtemp(join(tmpdir(), 'snap-test-'))
  const { snap } = await newLocalPlace(async (store) => {
    await commitToMain(store, { orders: ['1\n'], 'Odd Name': ['1\n'] }, { message: 'first' })
  }, directory)
  await snap(['branch', 'topic'])
  await writeFile(join(directory, 'rows.csv'), 'id\n1\n')
  const bin = join(directory, 'bin')
  await mkdir(bin)
  // What `npm install --global` makes of it.
  await writeFile(
    join(bin, 'snap'),
    `#!/bin/sh\nexec '${process.execPath}' '${program.path}' "$@"\n`,
  )
  await chmod(join(bin, 'snap'), 0o755)
  environment = { PATH: `${bin}:${process.env.PATH}`, HOME: directory, XDG_CONFIG_HOME: directory }
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout } = await program.run(['completion', shell], {
      workingDirectory: directory,
      environment,
    })
    const path = shell === 'fish' ? 'fish/completions/snap.fish' : `snap.${shell}`
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), stdout)
  }
})

afterAll(async () => {
  await program.remove()
  await rm(directory, { recursive: true, force: true })
})

const START = {
  bash: `PS1='$ ' exec bash --norc --noprofile`,
  zsh: `PS1='$ ' exec zsh -f`,
  fish: 'exec fish --private --init-command "function fish_prompt; echo \'$ \'; end; set fish_greeting"',
}

const SETUP = {
  bash: 'source ./snap.bash; bind "set show-all-if-ambiguous on"',
  zsh: `autoload -Uz compinit; compinit -u -D; source ./snap.zsh`,
  fish: 'true',
}

async function openShell(shell: keyof typeof START): Promise<Terminal> {
  const terminal = await openTerminal({
    columns: 100,
    rows: 30,
    commandLine: START[shell],
    workingDirectory: directory,
    environment,
  })
  await terminal.shows('$')
  await terminal.type(`${SETUP[shell]}; echo rea''dy`)
  await terminal.press('Enter')
  await terminal.shows('ready')
  return terminal
}

describe.each(['bash', 'zsh', 'fish'] as const)('%s', (shell) => {
  test('completes commands, revisions, tables and choices where Tab is pressed', async () => {
    const terminal = await openShell(shell)
    const complete = async (typed: string, whole: string) => {
      await terminal.type(typed)
      await terminal.press('Tab')
      await terminal.shows(whole)
      await terminal.press('C-u')
    }
    await complete('snap rev-p', 'snap rev-parse')
    await complete('snap checkout top', 'snap checkout topic')
    await complete('snap cat HEAD:ord', 'snap cat HEAD:orders')
    await complete('snap checkout HEAD --prove f', 'snap checkout HEAD --prove full')
    await complete('snap --color=al', 'snap --color=always')
    await complete('snap load row', 'snap load rows.csv')
  })

  test('lists what there is', async () => {
    const terminal = await openShell(shell)
    await terminal.type('snap che')
    await terminal.press('Tab')
    await terminal.press('Tab')
    await terminal.shows(/check\s.*checkout|check\n(.*\n)*checkout|checkout\s.*check/)
  })
})

describe('words that need quotes are what the shell takes for one word', () => {
  test('bash', async () => {
    const { stdout } = await run('bash', [
      '--norc',
      '-c',
      `source ./snap.bash
       COMP_LINE='snap status --table \\"O'; COMP_POINT=\${#COMP_LINE}
       COMP_WORDS=(snap status --table '\\"O'); COMP_CWORD=3
       _snap; eval "printf '<%s>' \${COMPREPLY[0]}"`,
    ])
    equal(stdout, '<"Odd Name">')
  })

  test('fish', async () => {
    const { stdout } = await run('fish', ['-c', `complete -C 'snap status --table '`])
    match(stdout, /^"Odd Name"\t1 row$/m)
  })
})

test('fish is told what each word is', async () => {
  const { stdout } = await run('fish', ['-c', `complete -C 'snap show to'`])
  deepEqual(stdout, 'topic\tfirst\n')
})

const run = (file: string, argv: string[]) =>
  promisify(execFile)(file, argv, { cwd: directory, env: environment })

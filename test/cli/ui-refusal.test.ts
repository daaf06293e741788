/** Where `snap ui` cannot be: it says so before it takes the terminal, and names what can be used instead. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'vitest'
import type { InputStream } from '../../cli/io.ts'
import { readSourceFiles } from '../guard/source-files.ts'
import { environment, type RunOptions, runSnap } from './run-snap.ts'

function noTerminal(): InputStream {
  return new PassThrough()
}

const REFUSED: [name: string, options: RunOptions, reason: RegExp][] = [
  ['no terminal for keys', { isTerminal: true, stdin: noTerminal() }, /stdin is not a terminal/],
  [
    'a dumb terminal',
    { isTerminal: true, environment: environment({ TERM: 'dumb' }) },
    /TERM is 'dumb'/,
  ],
  [
    'a terminal without a size',
    { isTerminal: true },
    /it has 80x0 characters, and 80x24 are needed/,
  ],
]

test.each(REFUSED)('%s', async (_name, options, reason) => {
  const { exitCode, stdout, stderr } = await runSnap(['ui'], options)
  deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' })
  match(stderr, reason)
  match(stderr, /'snap log', 'snap show'/)
})

test('under --json it is refused as a wrong command line', async () => {
  const { exitCode, stderr } = await runSnap(['ui', '--json'], { isTerminal: true })
  const { code, hint } = JSON.parse(stderr)
  deepEqual({ exitCode, code }, { exitCode: 2, code: 'USAGE' })
  match(hint, /snap log/)
})

test('Ink and React are loaded by nothing else: they take longer than most commands', () => {
  const files = readSourceFiles('cli').filter(({ path }) => !path.startsWith('cli/ui/'))
  const loading = files.filter(({ imports }) =>
    imports.some((name) => ['ink', 'react'].includes(name) || name.startsWith('cli/ui/')),
  )
  deepEqual(
    loading.map(({ path }) => path),
    ['cli/commands/ui.ts'],
  )
  const [command] = loading
  equal(/^import .*\/ui\//m.test(command!.text), false, 'only when it runs')
})

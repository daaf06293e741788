import { deepEqual, equal, match } from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { ProgramIo } from '../../cli/io.ts'
import { openTerminal } from '../support/terminal.ts'
import { type InstalledProgram, installProgram } from './installed-program.ts'
import { environment, type RunOptions } from './run-snap.ts'
import { sampleHistory } from './sample-history.ts'

/** A pager that keeps what it is given, and ends when it has all of it or after `limitBytes`. */
function fakePager({ limitBytes = Number.POSITIVE_INFINITY } = {}) {
  const calls: { command: readonly string[]; less: string | undefined; text: string }[] = []
  const startPager: ProgramIo['startPager'] = (command, options) => {
    const call = { command, less: options.environment.LESS, text: '' }
    calls.push(call)
    const input = new PassThrough()
    const ended = new Promise<void>((resolve) => input.once('close', resolve))
    input.on('data', (piece: Buffer) => {
      call.text += piece.toString()
      if (call.text.length > limitBytes) input.destroy(new Error('write EPIPE'))
    })
    return { input, ended }
  }
  return { calls, startPager }
}

describe('a long result', () => {
  test('goes to the pager that is wanted most, in colour, and less is told what to do', async () => {
    const { snap, workingDirectory } = await sampleHistory()
    const run = async (
      variables: Record<string, string | undefined>,
      argv: readonly string[] = [],
    ) => {
      const { calls, startPager } = fakePager()
      const { exitCode, stdout, stderr } = await snap([...argv, 'log', '--oneline', '-n1'], {
        isTerminal: true,
        startPager,
        environment: environment({ SNAP_PAGER: undefined, PATH: '/usr/bin:/bin', ...variables }),
      })
      deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' })
      const [call] = calls
      match(call?.text ?? stdout, /\u001b\[33m.*merge\n$/)
      return call && [...call.command, call.less]
    }
    deepEqual(await run({ SNAP_PAGER: 'head -n 3', PAGER: 'tail' }), ['head', '-n', '3', 'FRX'])
    deepEqual(await run({ PAGER: 'tail', LESS: 'R' }), ['tail', 'R'])
    await writeFile(join(workingDirectory, 'snap.config.json'), '{ "mistake": 1 }')
    deepEqual(await run({ PAGER: 'tail | sort' }), ['/bin/sh', '-c', 'tail | sort', 'FRX'])
    deepEqual(await run({ PAGER: 'cat' }), undefined)
    deepEqual(await run({ PAGER: '' }), undefined)
    deepEqual(await run({ PATH: '/nowhere' }), undefined)
    deepEqual(await run({}), ['less', 'FRX'])
    deepEqual(await run({}, ['--no-pager']), undefined)
  })

  test.each<[string, string[], RunOptions]>([
    ['to a pipe', [], { isTerminal: false }],
    ['as JSON', ['--json'], {}],
    [
      'on a terminal that cannot move its cursor',
      [],
      { environment: environment({ TERM: 'dumb' }) },
    ],
  ])('is printed as it is %s', async (_where, argv, options) => {
    const { snap } = await sampleHistory()
    const { startPager, calls } = fakePager()
    const { stdout, exitCode } = await snap([...argv, 'log'], {
      isTerminal: true,
      startPager,
      ...options,
    })
    deepEqual({ exitCode, calls }, { exitCode: 0, calls: [] })
    match(stdout, /merge/)
    equal(stdout.includes('\u001b'), false)
  })

  test('is printed with a warning where the pager that was asked for is not there', async () => {
    const { snap } = await sampleHistory()
    const { stdout, stderr, exitCode } = await snap(['log'], {
      isTerminal: true,
      environment: environment({ SNAP_PAGER: 'no-such-pager', NO_COLOR: '1' }),
    })
    match(stdout, /^commit/)
    deepEqual(
      { exitCode, stderr },
      { exitCode: 0, stderr: "warning: no pager: cannot run 'no-such-pager': it was not found\n" },
    )
  })

  test('is not read to its end when the pager is left, and that is no error', async () => {
    const { snap } = await sampleHistory(
      Array.from({ length: 200 }, (_, n) => `${n}\n`.repeat(5000)),
    )
    const { startPager, calls } = fakePager({ limitBytes: 100_000 })
    const outcome = await snap(['cat', 'HEAD:users'], {
      isTerminal: true,
      startPager,
      environment: environment({ SNAP_PAGER: 'head' }),
    })
    deepEqual(outcome, { exitCode: 0, stdout: '', stderr: '' })
    equal(calls[0]!.text.length < 1_000_000, true)
  })

  test('is followed by what went wrong on the way', async () => {
    const { snap } = await sampleHistory()
    const { startPager, calls } = fakePager()
    const { exitCode, stderr } = await snap(['show', 'nowhere'], { isTerminal: true, startPager })
    deepEqual({ exitCode, calls }, { exitCode: 2, calls: [] })
    match(stderr, /nowhere/)
  })
})

describe('at a real terminal', () => {
  let program: InstalledProgram
  beforeAll(async () => {
    program = await installProgram()
  })
  afterAll(() => program.remove())

  async function open(commandLine: string, variables: Record<string, string | undefined> = {}) {
    const rows = Array.from({ length: 300 }, (_, n) => `row ${n}\n`)
    const { workingDirectory } = await sampleHistory([rows.join('')])
    return openTerminal({
      columns: 60,
      rows: 12,
      // The shell is to go on, whatever its children make of Ctrl-C.
      commandLine: `trap : INT; SNAP="'${process.execPath}' '${program.path}'"; ${commandLine}; echo "ended with $?"; exec cat`,
      workingDirectory,
      environment: environment({ SNAP_PAGER: undefined, PAGER: undefined, ...variables }),
    })
  }
  const snap = (line: string) => `eval "$SNAP ${line}"`

  test('less shows the first screen, pages on, and q ends with 0', async () => {
    const terminal = await open(snap('cat HEAD:users'))
    await terminal.shows('row 0', 'row 9', ':')
    await terminal.press('Space')
    await terminal.shows('row 15')
    await terminal.press('q')
    const screen = await terminal.shows('ended with 0')
    equal(/fatal|EPIPE/.test(screen), false, screen)
  })

  test('Ctrl-C leaves less at work and the terminal in order', async () => {
    const terminal = await open(snap('cat HEAD:users'))
    await terminal.shows('row 9')
    await terminal.press('C-c')
    await terminal.press('C-c')
    await terminal.press('Space')
    const screen = await terminal.shows('row 15')
    equal(screen.includes('ended with'), false, screen)
    await terminal.press('q')
    await terminal.shows(/ended with (0|130)/)
    await terminal.type('ok')
    await terminal.press('Enter')
    await terminal.shows(/^ok\nok$/m)
  })

  test('what fits on the screen stays there, and nothing waits for a key', async () => {
    const terminal = await open(snap('log --oneline --graph'))
    await terminal.shows('*─┐', 'merge', '*─┘', 'ended with 0')
  })

  test.each([
    ['--no-pager', snap('--no-pager cat HEAD:users'), {}],
    ['a dumb terminal', snap('cat HEAD:users'), { TERM: 'dumb' }],
  ])('%s has all of it at once', async (_name, commandLine, variables) => {
    const terminal = await open(commandLine, variables)
    await terminal.shows('row 299', 'ended with 0')
  })
})

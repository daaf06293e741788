import { deepEqual, equal, rejects } from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import type { SnapError } from '../../../src/errors.ts'
import type { SnapEvent } from '../../../src/events.ts'
import { readRows } from '../../../src/objects/walk-manifest.ts'
import { captureOutput } from '../../../src/sources/capture-output.ts'
import { runCommand } from '../../../src/sources/run-command.ts'
import type { CommandSource } from '../../../src/sources/source.ts'
import { temporaryDirectory } from '../../cli/run-snap.ts'
import { memoryStore } from '../../support/store.ts'

async function commandSource(settings: Partial<CommandSource>): Promise<CommandSource> {
  return {
    kind: 'command',
    name: 'redis',
    dump: ['true'],
    restore: ['true'],
    workingDirectory: await temporaryDirectory(),
    environment: { PATH: process.env.PATH },
    timeoutMs: 60_000,
    ...settings,
  }
}

async function dump(settings: Partial<CommandSource>, signal?: AbortSignal): Promise<string> {
  const store = await memoryStore()
  const writer = store.objects.newWriter({ compressionThreads: 0 })
  try {
    const source = await commandSource(settings)
    const { output } = await captureOutput(source, writer, { now: () => new Date(), signal })
    await writer.flush()
    let text = ''
    for await (const bytes of readRows(store.objects, output)) text += Buffer.from(bytes)
    return text
  } finally {
    await writer.close()
  }
}

describe('a dump command', () => {
  test('is a program with arguments, or a line for the shell, with variables and a directory', async () => {
    equal(await dump({ dump: ['printf', '%s', 'a b; c'] }), 'a b; c')
    const environment = { PATH: process.env.PATH, WHO: 'ada' }
    equal(await dump({ dump: 'echo "$WHO" | tr a-z A-Z', environment }), 'ADA\n')
    const workingDirectory = await temporaryDirectory()
    equal(await dump({ dump: 'pwd -P', workingDirectory }), `${workingDirectory}\n`)
  })

  test('for the shell is neither in the process list nor in what it starts', async () => {
    const line = 'ps -o args= -p $$ && env | grep -c SNAP_SOURCE; : secret-of-mine'
    const [args, count] = (await dump({ dump: line })).split('\n')
    equal(args!.includes('secret-of-mine'), false, args)
    equal(count, '0')
  })

  test('that fails after it has written is refused, with what it said last', async () => {
    await rejects(dump({ dump: 'echo half; echo "cannot go on" >&2; exit 3' }), {
      code: 'SOURCE_COMMAND_FAILED',
      message: "the dump command of source 'redis' ended with 3",
      data: {
        source: 'redis',
        role: 'dump',
        isStarted: true,
        exitCode: 3,
        signal: null,
        stderr: 'cannot go on',
      },
    })
  })

  test.each([
    ['is ended by a signal', { dump: 'echo half; kill -9 $$' }, { signal: 'SIGKILL' }],
    ['is not there', { dump: ['no-such-program'] as const }, { isStarted: false, exitCode: null }],
    ['writes nothing', { dump: ['true'] as const }, { exitCode: 0 }],
    ['takes too long', { dump: 'echo half; sleep 60', timeoutMs: 200 }, { signal: 'SIGTERM' }],
  ])('that %s is refused', async (_, settings, data) => {
    await rejects(dump(settings), (error: { code: string; data: object }) => {
      deepEqual(
        { code: error.code, data: { ...error.data, ...data } },
        { code: 'SOURCE_COMMAND_FAILED', data: error.data },
      )
      return true
    })
  })

  test('ends with all that it has started when it is interrupted', async () => {
    const directory = await temporaryDirectory()
    const stop = new AbortController()
    const line = `(sleep 60; echo late > ${join(directory, 'late')}) & echo $! > ${join(directory, 'pid')}; echo x; wait`
    setTimeout(() => stop.abort(), 300)
    await rejects(dump({ dump: line }, stop.signal), { code: 'ABORTED' })
    const pid = Number(await readFile(join(directory, 'pid'), 'utf8'))
    await new Promise((resolve) => setTimeout(resolve, 100))
    equal(await isRunning(pid), false)
  })

  test('has its secrets cut from what is shown', async () => {
    const said: SnapEvent[] = []
    const source = await commandSource({
      dump: 'echo "redis://ada:hunter2@host refused" >&2; exit 1',
    })
    await rejects(
      runCommand(source, 'dump', {}, { reporter: (event) => void said.push(event) }),
      (error: SnapError<'SOURCE_COMMAND_FAILED'>) =>
        error.data.stderr === 'redis://ada:***@host refused',
    )
    deepEqual(said, [
      { kind: 'sourceOutput', source: 'redis', text: 'redis://ada:***@host refused' },
    ])
  })
})

describe('a restore command', () => {
  const input = async function* () {
    for (let n = 0; n < 64; n++) yield Buffer.alloc(65_536, 'x')
  }

  test('reads all that was dumped', async () => {
    const source = await commandSource({ restore: 'test "$(wc -c)" -eq 4194304' })
    await runCommand(source, 'restore', { input: input() }, {})
  })

  test('that fails has what it said on stdout in the error, too', async () => {
    const source = await commandSource({ restore: 'cat >/dev/null; echo "errors: 3"; exit 1' })
    await rejects(
      runCommand(source, 'restore', { input: input() }, {}),
      (error: SnapError<'SOURCE_COMMAND_FAILED'>) => error.data.stderr === 'errors: 3',
    )
  })

  test('that ends before it has read everything has failed, whatever it ends with', async () => {
    const source = await commandSource({ restore: 'head -c 10 >/dev/null' })
    await rejects(runCommand(source, 'restore', { input: input() }, {}), {
      code: 'SOURCE_COMMAND_FAILED',
      message: "the restore command of source 'redis' ended before it had read everything",
    })
  })

  test('is not left waiting when the store cannot be read', async () => {
    const source = await commandSource({ restore: 'cat >/dev/null' })
    const broken = async function* () {
      yield Buffer.from('x')
      throw new Error('the store is gone')
    }
    await rejects(runCommand(source, 'restore', { input: broken() }, {}), /the store is gone/)
  })
})

async function isRunning(pid: number): Promise<boolean> {
  // A zombie has ended; what nobody waits for in a container stays one.
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined)
  return text !== undefined && !/\) Z /.test(text)
}

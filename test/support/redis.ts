import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { temporaryDirectory } from '../cli/run-snap.ts'

const run = promisify(execFile)

export interface TestRedis {
  /** Runs one command and returns what `redis-cli` prints. */
  cli(...words: string[]): Promise<string>
  /** For `sources` of a configuration file. */
  command: { dump: string[]; restore: string[] }
}

/** Starts a Redis server on a socket in a directory of its own; it ends with the test. */
export async function startRedis(): Promise<TestRedis> {
  const directory = await temporaryDirectory()
  const socket = join(directory, 'redis.sock')
  const settings = ['--port', '0', '--unixsocket', socket, '--dir', directory, '--save', '']
  const server = spawn('redis-server', settings, { stdio: 'ignore' })
  const ended = once(server, 'exit')
  onTestFinished(async () => {
    server.kill('SIGKILL')
    await ended
  })
  const cli = async (...words: string[]) =>
    (await run('redis-cli', ['-s', socket, ...words])).stdout.trimEnd()
  for (let tries = 0; ; tries++) {
    try {
      await cli('PING')
      break
    } catch (error) {
      if (tries === 100 || server.exitCode !== null) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const dumpScript = fileURLToPath(new URL('./redis-dump.js', import.meta.url))
  return {
    cli,
    command: {
      dump: [process.execPath, dumpScript, socket],
      restore: ['redis-cli', '-s', socket, '--pipe'],
    },
  }
}

import { spawn } from 'node:child_process'
import { isSnapError, parseDotenv } from '../../src/index.ts'
import type { Context } from '../context.ts'
import { exitCodeOf } from '../output/error-text.ts'
import { printable } from '../output/printable.ts'
import { readTextFile } from './read-text-file.ts'

/** The variable that holds the address to tell of failures; it is a secret, so no flag or file of ours holds it. */
export const WEBHOOK_VARIABLE = 'SNAP_WEBHOOK_URL'

export interface FailureNews {
  code: string
  message: string
  hint: string | null
  exitCode: number
  storeDirectory: string
  /** `user@host:port/name`; null when that was what failed. */
  database: string | null
  hostName: string
  at: string
}

export interface FailureListeners {
  /** A command line for `/bin/sh -c`. */
  command: string | undefined
  /** Where `.env` and the command's working directory are. */
  projectDirectory: string
}

/** Says what a failure is, for programs. */
export function describeFailure(
  error: unknown,
  { io }: Context,
  place: { storeDirectory: string; database: string | null },
): FailureNews {
  const isKnown = isSnapError(error)
  return {
    code: isKnown ? error.code : 'BUG',
    message: error instanceof Error ? error.message : String(error),
    hint: (isKnown ? error.hint : undefined) ?? null,
    exitCode: exitCodeOf(error),
    ...place,
    hostName: io.hostName,
    at: io.now().toISOString(),
  }
}

/** Tells everyone who wants to know; what goes wrong with that is noted, and is not the failure. */
export async function tellFailure(
  context: Context,
  news: FailureNews,
  listeners: FailureListeners,
): Promise<void> {
  await Promise.all([runHook(context, news, listeners), callWebhook(context, news, listeners)])
}

async function runHook(
  { io, output }: Context,
  news: FailureNews,
  { command, projectDirectory }: FailureListeners,
): Promise<void> {
  if (command === undefined) return
  const outcome = await new Promise<string>((resolve) => {
    const child = spawn('/bin/sh', ['-c', command], {
      cwd: projectDirectory,
      env: {
        ...io.environment,
        SNAP_FAILURE_CODE: news.code,
        SNAP_FAILURE_MESSAGE: news.message,
        SNAP_FAILURE_HINT: news.hint ?? '',
        SNAP_EXIT_CODE: String(news.exitCode),
        SNAP_STORE: news.storeDirectory,
      },
      // Results are for stdout, and this is none.
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: HOOK_TIMEOUT_MS,
    })
    const show = (piece: Buffer) => output.insist(printable(piece.toString().trimEnd()))
    child.stdout.on('data', show)
    child.stderr.on('data', show)
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) =>
      resolve(code === 0 ? '' : `it ended with ${code ?? signal}`),
    )
  })
  if (outcome !== '') output.insist(`warning: --on-failure did not succeed: ${printable(outcome)}`)
}

const HOOK_TIMEOUT_MS = 60_000

async function callWebhook(
  { io, output }: Context,
  news: FailureNews,
  { projectDirectory }: FailureListeners,
): Promise<void> {
  const dotenv = await readTextFile(`${projectDirectory}/.env`).catch(() => undefined)
  const address =
    io.environment[WEBHOOK_VARIABLE] || parseDotenv(dotenv ?? '').get(WEBHOOK_VARIABLE)
  if (!address) return
  const problem = await post(address, news)
  // Its path is the secret, so not even its host is shown.
  if (problem !== undefined) {
    output.insist(`warning: ${WEBHOOK_VARIABLE} could not be told: ${problem}`)
  }
}

async function post(address: string, news: FailureNews): Promise<string | undefined> {
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    return 'it is no http or https address'
  }
  const text = `snap: scheduled commit of ${news.database ?? news.storeDirectory} failed on ${news.hostName}: ${news.message}`
  try {
    const response = await fetch(address, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      // `text` is what Slack, Mattermost and Teams show, `content` what Discord does.
      body: JSON.stringify({ text, content: text, ...news }),
      signal: AbortSignal.timeout(WEBHOOK_TIMEOUT_MS),
    })
    await response.body?.cancel()
    return response.ok ? undefined : `it answered ${response.status}`
  } catch (error) {
    const { cause } = error as { cause?: { code?: unknown } }
    return typeof cause?.code === 'string' ? cause.code : 'no answer'
  }
}

const WEBHOOK_TIMEOUT_MS = 15_000

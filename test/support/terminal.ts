/**
 * A real terminal for the real program: tmux keeps its screen, presses its keys and resizes it.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'

export interface Terminal {
  /** Presses keys by tmux's names: `Enter`, `C-c`, `Down`, or a character. */
  press(...keys: string[]): Promise<void>
  /** Types text as it stands. */
  type(text: string): Promise<void>
  /** What is on the screen, without trailing space. */
  screen(): Promise<string>
  /** Waits until the screen shows all of it; returns the screen. */
  shows(...wanted: (string | RegExp)[]): Promise<string>
  resize(size: { columns: number; rows: number }): Promise<void>
  /** The process that runs in it. */
  pid(): Promise<number>
  /** Takes the terminal away from whatever runs in it. */
  close(): Promise<void>
}

export interface TerminalOptions {
  columns: number
  rows: number
  /** For `sh -c`; what it prints is on the screen. */
  commandLine: string
  workingDirectory: string
  environment: Readonly<Record<string, string | undefined>>
}

/** A machine that runs other tests beside this one may take its time. */
const PATIENCE_MS = 60_000
const POLL_MS = 15

/** Opens a terminal that is closed when the test is over. */
export async function openTerminal(options: TerminalOptions): Promise<Terminal> {
  const directory = await mkdtemp(join(tmpdir(), 'snap-tmux-'))
  const socket = join(directory, 'socket')
  const tmux = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)('tmux', ['-S', socket, '-f', '/dev/null', ...args])
    return stdout
  }
  const close = async () => {
    await tmux('kill-server').catch(() => {})
  }
  onTestFinished(async () => {
    await close()
    await rm(directory, { recursive: true, force: true })
  })
  const variables = Object.entries({
    TERM: 'screen-256color',
    LANG: 'C.UTF-8',
    ...options.environment,
  })
  await tmux(
    ...['-u', 'new-session', '-d', '-x', String(options.columns), '-y', String(options.rows)],
    ...['-c', options.workingDirectory, '--', 'env', '-i'],
    ...variables.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`])),
    ...['sh', '-c', options.commandLine],
  )
  // tmux keeps a line of the size for itself where it shows its status.
  await tmux('set-option', '-g', 'status', 'off')
  await tmux('resize-window', '-x', String(options.columns), '-y', String(options.rows))

  const screen = async () => {
    const text = await tmux('capture-pane', '-p')
    return text
      .split('\n')
      .map((line) => line.trimEnd())
      .join('\n')
  }
  return {
    press: async (...keys) => void (await tmux('send-keys', ...keys)),
    type: async (text) => void (await tmux('send-keys', '-l', text)),
    screen,
    shows: async (...wanted) => {
      const deadlineMs = Date.now() + PATIENCE_MS
      for (;;) {
        const text = await screen()
        const missing = wanted.filter((each) =>
          typeof each === 'string' ? !text.includes(each) : !each.test(text),
        )
        if (missing.length === 0) return text
        if (Date.now() > deadlineMs) throw new Error(`the screen never showed ${missing}:\n${text}`)
        await setTimeout(POLL_MS)
      }
    },
    resize: async ({ columns, rows }) =>
      void (await tmux('resize-window', '-x', String(columns), '-y', String(rows))),
    pid: async () => Number(await tmux('display-message', '-p', '#{pane_pid}')),
    close,
  }
}

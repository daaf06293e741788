import type { Reporter, SnapEvent } from '../../src/index.ts'
import {
  describeNews,
  describeProgress,
  foldProgress,
  type ProgressState,
} from './progress-state.ts'

/**
 * Folds the library's events into what a person sees while work runs.
 *
 * On a terminal that is one line, rewritten at most ten times a second;
 * anywhere else a plain line for each phase and then one every five seconds.
 * It keeps no timer: a renderer that outlives its work would hold the process.
 */
export interface Progress {
  report: Reporter
  /** Takes the rewritten line off the screen so that something else can be written. */
  clear(): void
}

export interface ProgressOptions {
  write: (text: string) => void
  /** Called with a whole message to show apart from the running line. */
  note: (message: string) => void
  isTerminal: boolean
  /** Read before every line, because a terminal may be resized. */
  columns: () => number
  now: () => Date
}

const TERMINAL_INTERVAL_MS = 100
const PLAIN_INTERVAL_MS = 5_000

export function createProgress(options: ProgressOptions): Progress {
  const intervalMs = options.isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS
  let state: ProgressState | undefined
  let lastDrawnAtMs = Number.NEGATIVE_INFINITY
  let isLineShown = false

  const draw = (nowMs: number) => {
    if (state?.phase === undefined) return
    lastDrawnAtMs = nowMs
    if (options.isTerminal) {
      // A line that fills the last column would go on in the next one.
      const columns = Math.max(1, options.columns() - 1)
      options.write(`\r\u001b[2K${describeProgress(state, nowMs, columns)}`)
      isLineShown = true
    } else {
      options.write(`${describeProgress(state, nowMs)}\n`)
    }
  }

  const clear = () => {
    if (isLineShown) options.write('\r\u001b[2K')
    isLineShown = false
  }

  const report = (event: SnapEvent) => {
    const nowMs = options.now().getTime()
    const news = describeNews(event)
    for (const message of news) options.note(message)
    if (news.length > 0) return
    state = foldProgress(state, event, nowMs)
    if (event.kind === 'phaseStarted') draw(nowMs)
    else if (nowMs - lastDrawnAtMs >= intervalMs) draw(nowMs)
  }

  return { report, clear }
}

import type { SnapEvent, Store } from '../../../src/index.ts'
import type { Comparison } from '../../compared-states.ts'
import type { Context } from '../../context.ts'
import {
  describeNews,
  describeProgress,
  foldProgress,
  type ProgressState,
} from '../../output/progress-state.ts'
import type { Job } from '../runner.ts'
import type { Load } from '../wanted-loads.ts'

/** What all loaders work with. */
export interface Workplace {
  store: Store
  /** As a command has it, but that nothing written to it reaches the terminal. */
  context: Context
  /** What screens keep open for the screens above them, by the id of the screen. */
  comparisons: Map<number, Comparison>
  /** How a checkout ended after its screen had gone: it is to be told all the same. */
  late: { lines: string[] } | { failure: unknown } | undefined
}

export type LoadOf<K extends Load['kind']> = Extract<Load, { kind: K }>

/** The context for one job: interrupted with it, reporting to it. */
export function contextOf(
  { context }: Workplace,
  { signal }: Job,
  more: { arguments?: readonly string[]; report?: (event: SnapEvent) => void } = {},
): Context {
  return {
    io: { ...context.io, signal },
    arguments: more.arguments ?? context.arguments,
    dependencies: context.dependencies,
    options: context.options,
    output: context.output,
    reporter: more.report ?? (() => {}),
    exitCode: context.exitCode,
    interruptedState: 'nothing was changed',
    runProgram: context.runProgram,
  }
}

/** Between two looks at how far work is; a screen over a slow line has time to be drawn. */
const INTERVAL_MS = 100

/** Adds events up, and tells it at most ten times a second. */
export function followProgress(
  { now, notice }: { now: () => Date; notice: (line: string) => void },
  tell: (progress: ProgressState, line: string, atMs: number) => void,
): (event: SnapEvent) => void {
  let progress: ProgressState | undefined
  let toldAtMs = Number.NEGATIVE_INFINITY
  return (event) => {
    const nowMs = now().getTime()
    for (const line of describeNews(event)) notice(line)
    progress = foldProgress(progress, event, nowMs)
    const isNews = event.kind === 'phaseStarted' || event.kind === 'tablesPlanned'
    if (!isNews && nowMs - toldAtMs < INTERVAL_MS) return
    toldAtMs = nowMs
    const line = describeProgress(progress, nowMs)
    tell({ ...progress, tables: new Map(progress.tables) }, line, nowMs)
  }
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

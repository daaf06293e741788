/**
 * Takes the terminal, shows the screens on it, and gives it back as it was.
 *
 * However it ends the order is the same: work is stopped and waited for, and only then is the
 * terminal given back, so that nothing is written over what comes after.
 */
import { Writable } from 'node:stream'
import { render } from 'ink'
import { createElement } from 'react'
import type { Comparison } from '../compared-states.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { explainFailure } from '../explain-failure.ts'
import { OutputClosed, type OutputStream } from '../io.ts'
import { formatError } from '../output/error-text.ts'
import { Output } from '../output/output.ts'
import { printable } from '../output/printable.ts'
import { withStore } from '../store.ts'
import { App } from './app.tsx'
import { newLoader } from './loaders/load.ts'
import { aborted, type Workplace } from './loaders/workplace.ts'
import { requireTerminal } from './require-terminal.ts'
import { Runner } from './runner.ts'
import { initialState } from './state.ts'
import { TakenTerminal } from './taken-terminal.ts'

export async function runUi(context: Context): Promise<void> {
  const size = requireTerminal(context)
  await withStore(context, async (store) => {
    const { io } = context
    const ours = silentContext(context, (line) =>
      runner.dispatch({ kind: 'noticed', notice: line }),
    )
    const workplace: Workplace = {
      store,
      context: ours,
      comparisons: new Map<number, Comparison>(),
      late: undefined,
    }
    const stop = new AbortController()
    const runner: Runner = new Runner({
      state: initialState(size),
      load: newLoader(workplace),
      explain: (failure, signal) => {
        const about = {
          ...ours,
          io: { ...ours.io, signal },
          interruptedState: ours.interruptedState,
        }
        return formatError(explainFailure(failure, about))
      },
      suspend: () => terminal.suspend(),
      signal: AbortSignal.any([io.signal, stop.signal]),
    })
    const terminal = new TakenTerminal(io, size, (size) =>
      runner.dispatch({ kind: 'resized', size }),
    )
    try {
      await onTerminal(context, { terminal, runner })
    } catch (failure) {
      // What a checkout came to, in doubt perhaps, is more than that it was interrupted.
      const { late } = workplace
      throw late !== undefined && 'failure' in late ? late.failure : failure
    } finally {
      terminal.giveBack()
      stop.abort(new Error('left'))
      context.interruptedState = ours.interruptedState
      if (workplace.late !== undefined && 'lines' in workplace.late) {
        context.output.insist(...workplace.late.lines)
      }
    }
  })
}

/** Resolves when the user has left and all work has ended. */
async function onTerminal(
  context: Context,
  { terminal, runner }: { terminal: TakenTerminal; runner: Runner },
): Promise<void> {
  const { io, output } = context
  const instance = render(createElement(App, { runner, colors: output.colors, now: io.now }), {
    stdout: terminal.painter as unknown as NodeJS.WriteStream,
    stdin: io.stdin as unknown as NodeJS.ReadStream,
    debug: true,
    exitOnCtrlC: false,
    patchConsole: false,
    isScreenReaderEnabled: false,
  })
  try {
    runner.start()
    await Promise.race([hasLeft(runner), aborted(io.signal), hasEnded(io.stdin), failed(instance)])
  } finally {
    runner.dispatch({ kind: 'left', how: io.signal.aborted ? 'interrupted' : 'quit' })
    await runner.settled()
    instance.unmount()
  }
  if (io.signal.aborted) throw io.signal.reason
  if (runner.getState().leaving === 'interrupted') context.exitCode = ExitCode.interrupted
}

function hasLeft(runner: Runner): Promise<void> {
  return new Promise((resolve) => {
    const forget = runner.subscribe(() => {
      if (runner.getState().leaving === null) return
      forget()
      resolve()
    })
  })
}

/** A terminal that is gone sends no more keys. */
function hasEnded(stdin: Context['io']['stdin']): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(new OutputClosed())
    stdin.once('end', end)
    stdin.once('close', end)
    stdin.once('error', end)
  })
}

/** A view that throws ends the program as any other bug does. */
async function failed(instance: ReturnType<typeof render>): Promise<void> {
  await instance.waitUntilExit()
}

/** What commands would write is a line on the screen. */
function silentContext(context: Context, show: (line: string) => void): Context {
  const stderr: OutputStream = new Writable({
    write: (text, _encoding, done) => {
      const line = String(text).trim()
      if (line !== '') show(printable(line))
      done()
    },
  })
  // There is somebody who can be asked: the screens do it.
  stderr.isTTY = true
  const io = { ...context.io, stderr, stdout: stderr }
  return {
    io,
    arguments: context.arguments,
    dependencies: context.dependencies,
    options: context.options,
    output: new Output(io, {
      color: 'never',
      date: context.options.date ?? null,
      isQuiet: false,
      onPagerClosed: () => {},
    }),
    reporter: () => {},
    exitCode: ExitCode.done,
    interruptedState: 'nothing was changed',
    runProgram: context.runProgram,
  }
}

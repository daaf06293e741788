import { type Command, CommanderError } from 'commander'
import { expandAliases } from './alias.ts'
import type { Context, Dependencies, GlobalOptions } from './context.ts'
import { ExitCode } from './exit-codes.ts'
import { OutputClosed, OutputFailed, PagerClosed, type ProgramIo } from './io.ts'
import { Output } from './output/output.ts'
import { addCommands, createProgram } from './program.ts'

/**
 * Runs the program once.
 *
 * Reads nothing of the process: arguments, streams, environment, time and
 * interruption all come in. It resolves when everything it started is closed
 * again, and never rejects.
 *
 * @param typed  the arguments after `snap`
 * @returns      the exit code
 */
export async function run(
  typed: readonly string[],
  io: ProgramIo,
  dependencies: Dependencies = {},
): Promise<number> {
  const program = await createProgram(io)
  const newContext = (argv: readonly string[]) => createContext(program, argv, io, dependencies)
  let argv = typed
  let context = newContext(typed)
  try {
    argv = await expandAliases(program, typed, context)
    if (argv !== typed) context = newContext(argv)
    await addCommands(program, argv, context)
    await program.parseAsync([...argv], { from: 'user' })
    await context.output.finish()
    await flushed(io)
    if (io.signal.reason instanceof OutputFailed) throw io.signal.reason
    return isOutputClosed(io) ? ExitCode.outputClosed : context.exitCode
  } catch (error) {
    await context.output.finish()
    await flushed(io)
    if (isOutputClosed(io)) return ExitCode.outputClosed
    if (io.signal.reason instanceof PagerClosed) return context.exitCode
    if (error instanceof CommanderError && isHelpOrVersion(error)) {
      const { reason } = io.signal
      if (reason instanceof OutputFailed) return await reportFailure(reason, argv, context)
      return error.exitCode === 0 ? ExitCode.done : ExitCode.usage
    }
    return await reportFailure(error, argv, context)
  }
}

/**
 * The context's options and output are made when first asked for, which is
 * after parsing: before it nobody knows what the user wants.
 */
function createContext(
  program: Command,
  argv: readonly string[],
  io: ProgramIo,
  dependencies: Dependencies,
): Context {
  const onPagerClosed = () => io.stop(new PagerClosed())
  let output: Output | undefined
  return {
    io,
    arguments: argv,
    dependencies,
    get options() {
      return program.opts<GlobalOptions>()
    },
    get output() {
      const { color, date, quiet, json } = program.opts<GlobalOptions>()
      const isQuiet = quiet === true || json === true
      output ??= new Output(io, { color, date: date ?? null, isQuiet, onPagerClosed })
      return output
    },
    get reporter() {
      return this.output.progress.report
    },
    exitCode: ExitCode.done,
    interruptedState: 'nothing was changed',
    runProgram: (argv, innerIo) => run(argv, innerIo, dependencies),
  }
}

/** A pipe takes its last bytes later than they are written; and what fails is told a moment later. */
async function flushed({ stdout }: ProgramIo): Promise<void> {
  if (stdout.writableLength > 0) {
    await new Promise<void>((resolve) => stdout.write('', () => resolve()))
  }
  await new Promise((resolve) => setImmediate(resolve))
}

/** What follows `--` belongs to another program. */
function ownArguments(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--')
  return end === -1 ? argv : argv.slice(0, end)
}

function isOutputClosed(io: ProgramIo): boolean {
  return io.signal.aborted && io.signal.reason instanceof OutputClosed
}

/** commander throws after it has printed help or the version; `snap` alone prints help as an error. */
function isHelpOrVersion(error: CommanderError): boolean {
  return ['commander.help', 'commander.helpDisplayed', 'commander.version'].includes(error.code)
}

async function reportFailure(
  failure: unknown,
  argv: readonly string[],
  context: Context,
): Promise<ExitCode> {
  // Loaded here, because a run that only prints help needs neither errors nor the library behind them.
  const { exitCodeOf, formatError, formatErrorAsJson } = await import('./output/error-text.ts')
  const { explainFailure } = await import('./explain-failure.ts')
  const error = explainFailure(failure, context)
  // A usage error may come before the options are parsed; then the arguments themselves say what was wanted.
  const wantsJson = context.options.json === true || ownArguments(argv).includes('--json')
  const lines = wantsJson ? [formatErrorAsJson(error)] : formatError(error)
  context.output.insist(...lines)
  return exitCodeOf(error)
}

import type { Backend, Reporter } from '../src/index.ts'
import type { ProgramIo } from './io.ts'
import type { ColorChoice } from './output/colors.ts'
import type { Output } from './output/output.ts'
import type { DateFormat } from './output/times.ts'

/** The options every command takes, wherever they stand on the command line. */
export interface GlobalOptions {
  database?: string
  store?: string
  json?: true
  color: ColorChoice
  date?: DateFormat
  /** False under `--no-pager`. */
  pager: boolean
  quiet?: true
}

/** What a program embedding `run` (a test, above all) may put in place of the real thing. */
export interface Dependencies {
  /** Stands between the program and the place that holds a store. */
  wrapBackend?: (backend: Backend) => Backend
}

/** What one run of the program gives to the command it runs. */
export interface Context {
  readonly io: ProgramIo
  /** What followed the program's name. */
  readonly arguments: readonly string[]
  readonly dependencies: Dependencies
  readonly options: GlobalOptions
  readonly output: Output
  readonly reporter: Reporter
  /** What the run ends with unless it fails; a command sets it when its answer is "different", or to pass on what another program ended with. */
  exitCode: number
  /** What holds when the user interrupts now; shown as the hint. */
  interruptedState: string
  /** Runs the program again in this process: the demo types real commands. */
  runProgram(argv: readonly string[], io: ProgramIo): Promise<number>
}

import type { Readable, Writable } from 'node:stream'

/** A stream the program writes to; `isTTY`, `columns` and `rows` as Node sets them on terminals. */
export type OutputStream = Writable & { isTTY?: boolean; columns?: number; rows?: number }

/** A stream the program reads answers from. */
export type InputStream = Readable & {
  isTTY?: boolean
  setRawMode?: (isRaw: boolean) => unknown
}

/** Everything the program is given of the outside world; `main.ts` fills it from the process, tests from memory. */
export interface ProgramIo {
  stdin: InputStream
  stdout: OutputStream
  stderr: OutputStream
  environment: Readonly<Record<string, string | undefined>>
  workingDirectory: string
  /** What starts this program again: the absolute paths of node and of the program. */
  programPath: readonly [node: string, program: string]
  homeDirectory: string
  userName: string
  hostName: string
  now: () => Date
  /**
   * Aborted when the user interrupts, with an `OutputClosed` reason when nobody reads stdout any more,
   * and with an `OutputFailed` one when it takes no more; by `stop` with any other.
   */
  signal: AbortSignal
  /** Aborts `signal`. */
  stop(reason: Error): void
  /** Has `restore` called when the process ends, however it does; returns what makes it forget. */
  atExit(restore: () => void): () => void
  /** Stops the program as Ctrl-Z does; resolves when it goes on, at once where nobody could make it go on. */
  suspend(): Promise<void>
  /** Starts a program that shows what is written to it on this one's terminal. */
  startPager(
    command: readonly [string, ...string[]],
    options: { environment: ProgramIo['environment']; workingDirectory: string },
  ): RunningPager
  /**
   * Runs another program on this one's own streams and waits until it has ended. Signals are the
   * other program's meanwhile; `signal` is not aborted by them.
   */
  runChild(
    command: readonly [string, ...string[]],
    options: { environment: ProgramIo['environment']; workingDirectory: string },
  ): Promise<ChildOutcome>
}

export interface RunningPager {
  input: Writable
  /** Resolves when it has ended, however it did. */
  ended: Promise<void>
}

export type ChildOutcome =
  | { kind: 'exited'; exitCode: number }
  | { kind: 'killed'; signal: NodeJS.Signals }
  /** It never ran; `code` is the system's word: ENOENT, EACCES, E2BIG. */
  | { kind: 'notStarted'; code: string }

/** Why work stops when the reader of stdout has gone (`snap log | head`); never shown to anyone. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed'
}

/** Why work stops when whoever read it in a pager has seen enough; no failure. */
export class PagerClosed extends Error {
  override readonly name = 'PagerClosed'
}

/** Why work stops when what stdout goes to takes no more: its disk is full, say. */
export class OutputFailed extends Error {
  override readonly name = 'OutputFailed'
}

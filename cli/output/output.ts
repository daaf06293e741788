import type { ProgramIo } from '../io.ts'
import { type ColorChoice, type Colors, createColors, wantsColors } from './colors.ts'
import { createProgress, type Progress } from './progress.ts'

export interface OutputOptions {
  color: ColorChoice
  isQuiet: boolean
}

/**
 * Where a command's words go: results to stdout, everything else to stderr.
 *
 * Whoever pipes stdout gets the result and nothing but the result, whatever
 * happens on the way.
 */
export class Output {
  /** Colours for text that goes to stdout. */
  readonly colors: Colors
  /** Colours for text that goes to stderr. */
  readonly messageColors: Colors
  /** Hand it to the library as its reporter; it is silent under `--quiet`. */
  readonly progress: Progress
  readonly #io: ProgramIo
  readonly #options: OutputOptions

  constructor(io: ProgramIo, options: OutputOptions) {
    this.#io = io
    this.#options = options
    this.colors = createColors(wantsColors(options.color, io.stdout, io.environment))
    this.messageColors = createColors(wantsColors(options.color, io.stderr, io.environment))
    this.progress = createProgress({
      write: (text) => {
        if (!options.isQuiet) io.stderr.write(text)
      },
      note: (message) => this.note(message),
      isTerminal: io.stderr.isTTY === true && io.environment.TERM !== 'dumb',
      // A pseudo-terminal that nobody gave a size says 0.
      columns: () => io.stderr.columns || 80,
      now: io.now,
    })
  }

  /** Writes lines of the result. */
  result(...lines: string[]): void {
    this.progress.clear()
    for (const line of lines) this.#io.stdout.write(`${line}\n`)
  }

  /** Writes bytes of the result as they are, and waits while the reader is slow. */
  async resultBytes(bytes: Uint8Array): Promise<void> {
    this.progress.clear()
    if (this.#io.stdout.write(bytes)) return
    await this.#drained()
  }

  /** Writes lines of a long result, and waits while the reader is slow. */
  async resultLines(...lines: string[]): Promise<void> {
    await this.resultBytes(Buffer.from(lines.map((line) => `${line}\n`).join('')))
  }

  /**
   * Writes one JSON document as one line of the result.
   *
   * `T` is named by the caller, and cannot be inferred: it is the type that the published schema is
   * made of, `export type LogJson` of `snap log`.
   */
  json<T = never>(value: NoInfer<T>): void {
    this.result(JSON.stringify(value))
  }

  /** As `json`, of one of many documents; waits while the reader is slow. */
  async jsonLine<T = never>(value: NoInfer<T>): Promise<void> {
    await this.resultLines(JSON.stringify(value))
  }

  /** Writes message lines, unless the user wants quiet. */
  note(...lines: string[]): void {
    if (!this.#options.isQuiet) this.insist(...lines)
  }

  /** Writes message lines even under `--quiet`: for a question's grounds and for errors. */
  insist(...lines: string[]): void {
    this.progress.clear()
    for (const line of lines) this.#io.stderr.write(`${line}\n`)
  }

  async #drained(): Promise<void> {
    const { stdout, signal } = this.#io
    await new Promise<void>((resolve) => {
      const settle = () => {
        stdout.off('drain', settle)
        stdout.off('close', settle)
        signal.removeEventListener('abort', settle)
        resolve()
      }
      stdout.once('drain', settle)
      stdout.once('close', settle)
      signal.addEventListener('abort', settle, { once: true })
    })
  }
}

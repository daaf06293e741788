import type { Writable } from 'node:stream'
import type { ProgramIo, RunningPager } from '../io.ts'
import { type ColorChoice, type Colors, createColors, wantsColors } from './colors.ts'
import { paintLabel } from './message-label.ts'
import { createProgress, type Progress } from './progress.ts'
import type { TextStyle } from './text-style.ts'
import type { DateFormat } from './times.ts'

export interface OutputOptions {
  color: ColorChoice
  date: DateFormat | null
  isQuiet: boolean
  /** Called when the pager takes no more. */
  onPagerClosed: () => void
}

/**
 * Where a command's words go: results to stdout, everything else to stderr.
 *
 * Whoever pipes stdout gets the result and nothing but the result, whatever
 * happens on the way. While a pager has the terminal, all goes to the pager.
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
  #startPager: (() => RunningPager) | undefined
  #pager: RunningPager | undefined

  constructor(io: ProgramIo, options: OutputOptions) {
    this.#io = io
    this.#options = options
    this.colors = createColors(wantsColors(options.color, io.stdout, io.environment))
    this.messageColors = createColors(wantsColors(options.color, io.stderr, io.environment))
    this.progress = createProgress({
      write: (text) => {
        if (!options.isQuiet && this.#pager === undefined) io.stderr.write(text)
      },
      note: (message) => this.note(message),
      isTerminal: io.stderr.isTTY === true && io.environment.TERM !== 'dumb',
      // A pseudo-terminal that nobody gave a size says 0.
      columns: () => io.stderr.columns || 80,
      now: io.now,
    })
  }

  /** What text for stdout is laid out for. */
  get style(): TextStyle {
    return this.#styleOf(this.#io.stdout, this.colors)
  }

  /** What text for stderr is laid out for. */
  get messageStyle(): TextStyle {
    return this.#styleOf(this.#io.stderr, this.messageColors)
  }

  /** Has the result shown by a pager, which is started when there is something to show. */
  pageWith(start: () => RunningPager): void {
    this.#startPager ??= start
  }

  /** Takes the line of progress away, tells the pager that this is all, and waits until its reader has seen enough. */
  async finish(): Promise<void> {
    this.progress.clear()
    this.#startPager = undefined
    const pager = this.#pager
    if (pager === undefined) return
    pager.input.end()
    await pager.ended
    this.#pager = undefined
  }

  /** Writes lines of the result. */
  result(...lines: string[]): void {
    this.#write(lines.map((line) => `${line}\n`).join(''))
  }

  /** Writes bytes of the result as they are, and waits while the reader is slow. */
  async resultBytes(bytes: Uint8Array): Promise<void> {
    if (this.#write(bytes)) return
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
    const { stderr } = this.#io
    // What is written to a terminal beside a pager ends up anywhere on its screen.
    const target = stderr.isTTY === true ? (this.#pager?.input ?? stderr) : stderr
    if (target.destroyed) return
    for (const line of lines) target.write(`${paintLabel(line, this.messageColors)}\n`)
  }

  /** @returns whether the reader takes more at once */
  #write(piece: string | Uint8Array): boolean {
    this.progress.clear()
    if (piece.length === 0) return true
    const target = this.#target()
    return target.destroyed || target.write(piece)
  }

  #target(): Writable {
    if (this.#startPager !== undefined) {
      this.#pager = this.#startPager()
      this.#startPager = undefined
      this.#pager.input.on('error', this.#options.onPagerClosed)
    }
    return this.#pager?.input ?? this.#io.stdout
  }

  #styleOf(stream: ProgramIo['stdout'], colors: Colors): TextStyle {
    return {
      colors,
      clock: { now: this.#io.now(), date: this.#options.date },
      columns: stream.isTTY === true ? stream.columns || 80 : undefined,
    }
  }

  async #drained(): Promise<void> {
    const target = this.#target()
    const { signal } = this.#io
    if (target.destroyed || signal.aborted) return
    await new Promise<void>((resolve) => {
      const settle = () => {
        target.off('drain', settle)
        target.off('close', settle)
        signal.removeEventListener('abort', settle)
        resolve()
      }
      target.once('drain', settle)
      target.once('close', settle)
      signal.addEventListener('abort', settle, { once: true })
    })
  }
}

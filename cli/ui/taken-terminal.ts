import type { ProgramIo } from '../io.ts'
import { ScreenPainter } from './screen-painter.ts'
import type { TerminalSize } from './state.ts'

/** The terminal while the screens have it: taken, lent to the shell by Ctrl-Z, and given back. */
export class TakenTerminal {
  readonly painter: ScreenPainter
  readonly #io: ProgramIo
  readonly #size: TerminalSize
  readonly #onSize: (size: TerminalSize) => void
  readonly #forget: () => void
  #isTaken = true

  /** @param onSize  called when everything has to be drawn again, for the size it then has */
  constructor(io: ProgramIo, size: TerminalSize, onSize: (size: TerminalSize) => void) {
    this.#io = io
    this.#size = size
    this.#onSize = onSize
    this.painter = new ScreenPainter(io.stdout, size)
    // A process that ends in any other way than by giving it back gives it back, too.
    this.#forget = io.atExit(() => this.painter.restore())
    this.painter.open()
    io.stdout.on('resize', this.#drawAgain)
  }

  readonly #drawAgain = (): void => {
    const { columns = this.#size.columns, rows = this.#size.rows } = this.#io.stdout
    this.painter.resize({ columns, rows })
    this.#onSize({ columns, rows })
  }

  readonly suspend = async (): Promise<void> => {
    const { stdin } = this.#io
    this.painter.restore()
    stdin.setRawMode?.(false)
    await this.#io.suspend()
    if (!this.#isTaken) return
    stdin.setRawMode?.(true)
    this.painter.open()
    this.#drawAgain()
  }

  giveBack(): void {
    this.#isTaken = false
    this.#io.stdout.off('resize', this.#drawAgain)
    this.painter.restore()
    this.#forget()
  }
}

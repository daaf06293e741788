import { Writable } from 'node:stream'
import type { OutputStream } from '../io.ts'
import type { TerminalSize } from './state.ts'

const ALTERNATE_SCREEN = { enter: '\u001b[?1049h', leave: '\u001b[?1049l' }
const CURSOR = { hide: '\u001b[?25l', show: '\u001b[?25h' }
/** Off, so that a character of doubtful width at the edge breaks one line and not two. */
const WRAPPING = { off: '\u001b[?7l', on: '\u001b[?7h' }
/** Terminals that know it show all of a change at once; others pass over it. */
const SYNCHRONIZED = { begin: '\u001b[?2026h', end: '\u001b[?2026l' }
const RESET_STYLE = '\u001b[0m'
const CLEAR = '\u001b[2J'

/**
 * Puts whole frames on the terminal, line by line, and of these only what has changed.
 *
 * It is what Ink takes for the terminal. Ink's own way of drawing is for output that grows: a frame as
 * high as the screen makes it erase the terminal with its scrollback each time, and where the variable
 * CI is set it draws nothing until it ends. In its debug mode it writes each frame whole, and that is
 * all this needs of it.
 */
export class ScreenPainter extends Writable {
  readonly isTTY = true
  readonly #terminal: OutputStream
  #size: TerminalSize
  #shown: string[] = []
  #isOpen = false

  constructor(terminal: OutputStream, size: TerminalSize) {
    super({ decodeStrings: false })
    this.#terminal = terminal
    this.#size = size
  }

  get columns(): number {
    return this.#size.columns
  }

  get rows(): number {
    return this.#size.rows
  }

  /** Goes to the alternate screen; what was on the other stays there. */
  open(): void {
    this.#isOpen = true
    this.#terminal.write(ALTERNATE_SCREEN.enter + CURSOR.hide + WRAPPING.off + CLEAR)
  }

  /** Goes back, with everything as it was. Safe to call twice. */
  restore(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    const { end } = SYNCHRONIZED
    this.#terminal.write(RESET_STYLE + end + WRAPPING.on + CURSOR.show + ALTERNATE_SCREEN.leave)
  }

  /** What is on the screen after this is not known any more: the next frame is drawn whole. */
  resize(size: TerminalSize): void {
    this.#size = size
    this.#shown = []
    if (this.#isOpen) this.#terminal.write(CLEAR)
  }

  override _write(frame: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
    // Besides frames Ink writes that the cursor is to be hidden or shown.
    const text = frame.toString()
    if (this.#isOpen && text !== CURSOR.hide && text !== CURSOR.show) this.#paint(text)
    done()
  }

  #paint(frame: string): void {
    const lines = frame.split('\n').slice(0, this.rows)
    const changes = Array.from({ length: this.rows }, (_, row) => {
      const line = lines[row] ?? ''
      // Erased first: at the last column some terminals would erase the character just written.
      return line === this.#shown[row] ? '' : `\u001b[${row + 1};1H\u001b[2K${line}${RESET_STYLE}`
    }).join('')
    this.#shown = lines
    if (changes !== '') this.#terminal.write(SYNCHRONIZED.begin + changes + SYNCHRONIZED.end)
  }
}

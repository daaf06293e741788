/** Turns offsets of a text into lines and columns, quickly for many offsets of a long text. */
export class TextPositions {
  readonly #text: string
  /** Where each line begins, ascending. */
  readonly #starts: number[] = [0]

  constructor(text: string) {
    this.#text = text
    for (const { index, 0: end } of text.matchAll(/\r\n|\r|\n/g)) {
      this.#starts.push(index + end.length)
    }
  }

  /** @param offset  UTF-16 code units; the answer is 1-based, its column in characters as editors count them */
  at(offset: number): { line: number; column: number } {
    let [low, high] = [0, this.#starts.length - 1]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (this.#starts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: [...this.#text.slice(this.#starts[low], offset)].length + 1 }
  }
}

/** Numbers that a generator has chosen, as choices: the same numbers choose the same again. */
export class Picks {
  readonly #numbers: readonly number[]
  #position = 0

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers
  }

  /** A whole number from 0 up to, but not including, `end`. */
  below(end: number): number {
    const number = this.#numbers[this.#position++ % this.#numbers.length] ?? 0
    return number % end
  }

  /** True once in `end` times. */
  oneIn(end: number): boolean {
    return this.below(end) === end - 1
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!
  }

  /** Undefined when there is nothing to choose from. */
  from<T>(choices: readonly T[]): T | undefined {
    return choices.length === 0 ? undefined : this.of(choices)
  }
}

/**
 * Bounds how many bytes are in work at once.
 *
 * First come, first served. A request larger than the whole budget is granted
 * when nothing else is in work.
 */
export class ByteBudget {
  readonly #limitBytes: number
  #usedBytes = 0
  readonly #waiting: { sizeBytes: number; grant: () => void }[] = []

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  async take(sizeBytes: number): Promise<void> {
    if (this.#waiting.length === 0 && this.#fits(sizeBytes)) {
      this.#usedBytes += sizeBytes
      return
    }
    await new Promise<void>((grant) => this.#waiting.push({ sizeBytes, grant }))
  }

  give(sizeBytes: number): void {
    this.#usedBytes -= sizeBytes
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!this.#fits(next.sizeBytes)) return
      this.#waiting.shift()
      this.#usedBytes += next.sizeBytes
      next.grant()
    }
  }

  #fits(sizeBytes: number): boolean {
    return this.#usedBytes === 0 || this.#usedBytes + sizeBytes <= this.#limitBytes
  }
}

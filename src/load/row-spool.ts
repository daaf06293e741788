/**
 * Rows in the order in which they were added, in memory that does not grow with
 * them: what is more than a buffer's worth goes to a scratch file.
 */
import { type FileHandle, open } from 'node:fs/promises'

const BUFFER_CHARACTERS = 1 << 16

export class RowSpool<Row> {
  readonly #path: string
  #file: FileHandle | undefined
  #lines: string[] = []
  #length = 0

  /** @param path  of the scratch file, which is not there yet and the caller's to remove */
  constructor(path: string) {
    this.#path = path
  }

  async add(row: Row): Promise<void> {
    // Node takes these two for ends of lines, JSON does not.
    const line = JSON.stringify(row).replaceAll(/[\u2028\u2029]/g, (found) =>
      found === '\u2028' ? String.raw`\u2028` : String.raw`\u2029`,
    )
    this.#lines.push(line)
    this.#length += line.length
    if (this.#length < BUFFER_CHARACTERS) return
    // Rows are the user's data: for nobody else to read.
    this.#file ??= await open(this.#path, 'wx', 0o600)
    await this.#file.appendFile(`${this.#lines.join('\n')}\n`)
    this.#lines = []
    this.#length = 0
  }

  /** Reads all of them; may be asked more than once. */
  async *read(): AsyncGenerator<Row, void, undefined> {
    if (this.#file !== undefined) {
      const file = await open(this.#path)
      for await (const line of file.readLines()) yield JSON.parse(line)
    }
    for (const line of this.#lines) yield JSON.parse(line)
  }

  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }
}

import { fstatSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** Far below what a process may have open, and enough for readers that go over several packs by turns. */
const MAX_OPEN_FILES = 32

/** Unused for this long, a file is closed: nobody need tell that reading is over. */
const IDLE_MS = 200

interface OpenFile {
  handle: Promise<FileHandle>
  /** The handle, once it is there. */
  opened: FileHandle | undefined
  userCount: number
  lastUsedAtMs: number
  isForgotten: boolean
}

/**
 * Keeps files that are read in pieces open between the reads.
 *
 * Opening and closing a file for each 20 KB read of a pack took three times as long as the read.
 * A few files at a time are kept, and for a moment only; a name that has been removed, or given to
 * another file, since its file was opened is noticed before each read, so that no reader sees more
 * than opening anew would show it.
 */
export class OpenFiles {
  /** By path, the least recently used first. */
  readonly #files = new Map<string, OpenFile>()
  #timer: NodeJS.Timeout | undefined

  /** How many files are kept open. */
  get count(): number {
    return this.#files.size
  }

  /** Opens `path` for reading unless it is open, and does the work with it. The handle is not the work's to close. */
  async use<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
    const file = this.#take(path)
    file.userCount++
    try {
      return await work(await file.handle)
    } finally {
      file.userCount--
      file.lastUsedAtMs = performance.now()
      if (file.isForgotten) closeUnused(file)
      else this.#closeSuperfluous()
    }
  }

  /** Closes a file as soon as nobody reads it; whoever asks for it again opens what then has its name. */
  forget(path: string): void {
    const file = this.#files.get(path)
    if (file === undefined) return
    this.#files.delete(path)
    file.isForgotten = true
    closeUnused(file)
  }

  /** Forgets all files. */
  forgetAll(): void {
    for (const path of [...this.#files.keys()]) this.forget(path)
  }

  #take(path: string): OpenFile {
    const known = this.#files.get(path)
    if (known !== undefined) {
      if (known.opened === undefined || hasName(known.opened)) {
        this.#files.delete(path)
        this.#files.set(path, known)
        return known
      }
      this.forget(path)
    }
    const file: OpenFile = {
      handle: open(path, 'r'),
      opened: undefined,
      userCount: 0,
      lastUsedAtMs: performance.now(),
      isForgotten: false,
    }
    this.#files.set(path, file)
    file.handle.then(
      (handle) => {
        file.opened = handle
      },
      () => {
        if (this.#files.get(path) === file) this.#files.delete(path)
      },
    )
    this.#timer ??= setInterval(() => this.#closeIdle(), IDLE_MS).unref()
    return file
  }

  #closeSuperfluous(): void {
    if (this.#files.size <= MAX_OPEN_FILES) return
    for (const [path, { userCount }] of this.#files) {
      if (userCount === 0) this.forget(path)
      if (this.#files.size <= MAX_OPEN_FILES) return
    }
  }

  #closeIdle(): void {
    const idleSinceMs = performance.now() - IDLE_MS
    for (const [path, { userCount, lastUsedAtMs }] of this.#files) {
      if (userCount === 0 && lastUsedAtMs <= idleSinceMs) this.forget(path)
    }
    if (this.#files.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

/** Not a round trip to the thread pool: 2 µs, where the read it goes before takes 25. */
function hasName({ fd }: FileHandle): boolean {
  return fstatSync(fd).nlink > 0
}

/** That a file that was only read cannot be closed harms nobody. */
function closeUnused({ userCount, handle }: OpenFile): void {
  if (userCount > 0) return
  handle.then((opened) => opened.close()).catch(() => {})
}

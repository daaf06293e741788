import { createHash, randomBytes } from 'node:crypto'
import { constants, type Dirent, type Stats, statSync } from 'node:fs'
import { type FileHandle, link, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { InvariantError, SnapError } from '../errors.ts'
import type { Backend, BackendEntry } from './backend.ts'
import { errnoOf, readFailure, writeFailure } from './local-errors.ts'
import { OpenFiles } from './open-files.ts'

const DIRECTORY_MODE = 0o700
const FILE_MODE = 0o600

/** Where files are written before they get their name; never listed. */
const TEMPORARY_DIRECTORY = 'tmp'

/** Errors by which a file system says that it has no hard links. */
const LINK_UNSUPPORTED = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])

const CLAIM_ATTEMPTS = 100
const CLAIM_WAIT_MS = 20

/**
 * Keeps each value in a file of a directory.
 *
 * The one rule: a file gets its name when its bytes are on the disk, and the
 * name is on the disk before `create` resolves. Bytes go to a temporary file in
 * the same file system, which is synced; `link(2)` gives it its name, atomically
 * and only if the name is free; the directory is synced. Killed anywhere in
 * between, at most a file under `tmp/` is left over.
 *
 * Files are for their owner alone (0600, 0700). Not verified on Windows.
 */
export class LocalBackend implements Backend {
  readonly location: string
  readonly #durableDirectories = new Set<string>()
  readonly #openFiles = new OpenFiles()

  private constructor(directory: string) {
    this.location = directory
  }

  /**
   * Opens an existing directory.
   *
   * @throws BACKEND_UNAVAILABLE  it is missing, no directory, or cannot be reached
   */
  static async open(directory: string): Promise<LocalBackend> {
    const location = resolve(directory)
    const found = await stat(location).catch((cause) => {
      throw readFailure(cause, { location, action: `open '${location}'` })
    })
    if (!found.isDirectory()) {
      throw new SnapError('BACKEND_UNAVAILABLE', `cannot open '${location}': not a directory`, {
        location,
      })
    }
    return new LocalBackend(location)
  }

  /**
   * Makes the directory, and those above it, unless they exist, and opens it.
   *
   * @throws BACKEND_FULL, BACKEND_READ_ONLY, BACKEND_UNAVAILABLE
   */
  static async create(directory: string): Promise<LocalBackend> {
    const backend = new LocalBackend(resolve(directory))
    try {
      await backend.#makeDirectory(backend.location)
    } catch (cause) {
      throw writeFailure(cause, {
        location: backend.location,
        action: `create '${backend.location}'`,
      })
    }
    return LocalBackend.open(backend.location)
  }

  async create(key: string, parts: readonly Uint8Array[]): Promise<'created' | 'exists'> {
    const path = this.#pathOf(key)
    const temporaryPath = join(this.location, TEMPORARY_DIRECTORY, randomBytes(16).toString('hex'))
    try {
      await this.#makeDirectory(dirname(temporaryPath))
      await this.#makeDirectory(dirname(path))
      try {
        await writeDurably(temporaryPath, parts)
        return await this.#giveName(temporaryPath, path)
      } finally {
        // A leftover in tmp/ is no harm, and must not turn a success into a failure.
        await unlink(temporaryPath).catch(() => {})
      }
    } catch (cause) {
      throw writeFailure(cause, { location: this.location, action: `write '${key}'` })
    }
  }

  async read(key: string, range?: { offsetBytes: number; sizeBytes: number }): Promise<Uint8Array> {
    const path = this.#pathOf(key)
    try {
      // Whoever asks for a part is likely to ask for more of the same file.
      return range === undefined
        ? await this.#readWhole(key, path)
        : await this.#openFiles.use(path, (file) => this.#readRange(key, file, range))
    } catch (cause) {
      throw readFailure(cause, { location: this.location, action: `read '${key}'`, key })
    }
  }

  async #readWhole(key: string, path: string): Promise<Uint8Array> {
    const file = await open(path, constants.O_RDONLY)
    try {
      return await this.#readRange(key, file, {
        offsetBytes: 0,
        sizeBytes: (await file.stat()).size,
      })
    } finally {
      await file.close()
    }
  }

  async #readRange(
    key: string,
    file: FileHandle,
    { offsetBytes, sizeBytes }: { offsetBytes: number; sizeBytes: number },
  ): Promise<Uint8Array> {
    // Not from Node's shared pool: the bytes belong to the caller, who may transfer them.
    const bytes = Buffer.allocUnsafeSlow(sizeBytes)
    for (let done = 0; done < sizeBytes; ) {
      const { bytesRead } = await file.read(bytes, done, sizeBytes - done, offsetBytes + done)
      if (bytesRead === 0) throw this.#endsEarly(key, offsetBytes + done)
      done += bytesRead
    }
    return bytes
  }

  async findSizeBytes(key: string): Promise<number | undefined> {
    return findFileSizeBytes(this.#pathOf(key)).catch((cause) => {
      throw readFailure(cause, { location: this.location, action: `find '${key}'` })
    })
  }

  async *list(prefix: string): AsyncIterable<BackendEntry> {
    try {
      yield* this.#listDirectory(prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix)
    } catch (cause) {
      throw readFailure(cause, { location: this.location, action: `list '${prefix}'` })
    }
  }

  async remove(key: string): Promise<void> {
    const path = this.#pathOf(key)
    this.#openFiles.forget(path)
    try {
      await unlink(path)
      await syncDirectory(dirname(path))
    } catch (cause) {
      if (isAbsent(cause)) return
      throw writeFailure(cause, { location: this.location, action: `remove '${key}'` })
    }
  }

  async removeLeftovers(before: Date): Promise<{ fileCount: number; sizeBytes: number }> {
    const removed = { fileCount: 0, sizeBytes: 0 }
    const directory = join(this.location, TEMPORARY_DIRECTORY)
    try {
      for (const { name } of await readDirectory(directory)) {
        const file = await findFile(join(directory, name))
        if (file === undefined || file.mtime >= before) continue
        await unlink(join(directory, name))
        removed.fileCount++
        removed.sizeBytes += file.size
      }
    } catch (cause) {
      throw writeFailure(cause, { location: this.location, action: `clear '${directory}'` })
    }
    return removed
  }

  async close(): Promise<void> {
    this.#openFiles.forgetAll()
  }

  async #giveName(temporaryPath: string, path: string): Promise<'created' | 'exists'> {
    try {
      await link(temporaryPath, path)
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return 'exists'
      if (!LINK_UNSUPPORTED.has(errnoOf(error) ?? '')) throw error
      return await this.#giveNameWithoutLink(temporaryPath, path)
    }
    await this.#syncName(path)
    return 'created'
  }

  /**
   * Takes the place of link(2) where the file system has none, as on exFAT:
   * `rename` would replace an existing file, so an exclusively created claim
   * file lets one creator of a name in at a time. A creator killed while it
   * holds a claim blocks that one name; the message then names the claim.
   */
  async #giveNameWithoutLink(temporaryPath: string, path: string): Promise<'created' | 'exists'> {
    const claimName = `claim-${createHash('sha256').update(path).digest('hex')}`
    const claimPath = join(this.location, TEMPORARY_DIRECTORY, claimName)
    for (let attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
      if ((await findFileSizeBytes(path)) !== undefined) return 'exists'
      try {
        await (await open(claimPath, 'wx', FILE_MODE)).close()
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw error
        await sleep(CLAIM_WAIT_MS)
        continue
      }
      try {
        if ((await findFileSizeBytes(path)) !== undefined) return 'exists'
        await rename(temporaryPath, path)
        await this.#syncName(path)
        return 'created'
      } finally {
        await unlink(claimPath)
      }
    }
    throw new SnapError(
      'BACKEND_UNAVAILABLE',
      `cannot write '${path}': another process holds '${claimPath}'`,
      { location: this.location },
      { hint: 'remove that file if no other snap is running' },
    )
  }

  /** Makes a new name durable, or takes it back: a failed create leaves nothing visible. */
  async #syncName(path: string): Promise<void> {
    try {
      await syncDirectory(dirname(path))
    } catch (error) {
      await unlink(path).catch(() => {})
      throw error
    }
  }

  /** Makes a directory and those above it, each name durable before the one below is made. */
  async #makeDirectory(path: string): Promise<void> {
    if (this.#durableDirectories.has(path)) return
    try {
      await mkdir(path, { mode: DIRECTORY_MODE })
    } catch (error) {
      if (isAbsent(error)) {
        await this.#makeDirectory(dirname(path))
        return this.#makeDirectory(path)
      }
      if (errnoOf(error) !== 'EEXIST') throw error
    }
    // Synced even when it existed: whoever made it may have been killed before doing so.
    const isWithinStore = path.startsWith(join(this.location, '/'))
    await syncDirectory(dirname(path)).catch((error) => {
      // What lies above the store is not ours, and may be unreadable.
      if (isWithinStore) throw error
    })
    this.#durableDirectories.add(path)
  }

  async *#listDirectory(directoryKey: string, prefix: string): AsyncIterable<BackendEntry> {
    const entries = await readDirectory(join(this.location, directoryKey))
    const keys = entries
      .filter((entry) => entry.isDirectory() || entry.isFile())
      .map((entry) => `${directoryKey}${entry.name}${entry.isDirectory() ? '/' : ''}`)
      .filter((key) => key.startsWith(prefix) || (key.endsWith('/') && prefix.startsWith(key)))
      .filter((key) => key !== `${TEMPORARY_DIRECTORY}/`)
      .sort()
    for (const key of keys) {
      if (key.endsWith('/')) {
        yield* this.#listDirectory(key, prefix)
        continue
      }
      // Waiting for the thread pool takes ten times as long as the call, right after the directory was read.
      const file = statSync(join(this.location, key), { throwIfNoEntry: false })
      // Removed since the directory was read: then it is not listed.
      if (file?.isFile()) yield { key, sizeBytes: file.size, createdAt: file.mtime }
    }
  }

  #pathOf(key: string): string {
    const components = key.split('/')
    if (components.some((name) => name === '' || name === '.' || name === '..')) {
      throw new InvariantError(`'${key}' is not a backend key`)
    }
    return join(this.location, ...components)
  }

  #endsEarly(key: string, offsetBytes: number): SnapError {
    return new SnapError(
      'BACKEND_UNAVAILABLE',
      `cannot read '${key}' beyond byte ${offsetBytes}: it ends there`,
      { location: this.location },
    )
  }
}

async function writeDurably(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, 'wx', FILE_MODE)
  try {
    for (const part of groupParts(parts)) {
      for (let done = 0; done < part.length; ) {
        done += (await file.write(part, done, part.length - done)).bytesWritten
      }
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Joins small parts, because each write is a round trip to the thread pool; leaves large ones as they are. */
function* groupParts(parts: readonly Uint8Array[]): Iterable<Uint8Array> {
  const groupSizeBytes = 1024 * 1024
  let group: Uint8Array[] = []
  let sizeBytes = 0
  for (const part of parts) {
    group.push(part)
    sizeBytes += part.length
    if (sizeBytes < groupSizeBytes) continue
    yield joined(group)
    group = []
    sizeBytes = 0
  }
  yield joined(group)
}

function joined(parts: Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY)
  try {
    await directory.sync()
  } catch (error) {
    // Some network file systems refuse to sync a directory, and make names durable at once.
    if (errnoOf(error) !== 'EINVAL') throw error
  } finally {
    await directory.close()
  }
}

async function readDirectory(path: string): Promise<Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true })
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}

async function findFileSizeBytes(path: string): Promise<number | undefined> {
  return (await findFile(path))?.size
}

async function findFile(path: string): Promise<Stats | undefined> {
  try {
    const found = await stat(path)
    return found.isFile() ? found : undefined
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

function isAbsent(error: unknown): boolean {
  return errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR'
}

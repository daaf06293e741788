/**
 * Writes the files that a checkout needs beside those there are, and swaps them in.
 *
 * Staging reads and checks every byte and changes nothing; the swap is renames
 * alone. If one of them fails, those before are taken back. Paths that no pattern
 * of the commit chose are neither moved nor removed; one in the way makes it fail.
 */
import { createHash, randomBytes } from 'node:crypto'
import { type BigIntStats, constants } from 'node:fs'
import { chmod, lchown, mkdir, open, rename, rmdir, symlink, utimes } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SnapError, throwIfAborted } from '../errors.ts'
import { parseFileName } from '../format/file-name.ts'
import type { CommittedFiles, FileEntry, ObjectId } from '../format/values.ts'
import type { StreamReader } from '../objects/walk-manifest.ts'
import { compareFiles, type FileChange, readFileEntries } from './compare-files.ts'
import { ContentReader } from './content-reader.ts'
import {
  type FileIdentity,
  findIdentity,
  findStats,
  identityOf,
  pathBelow,
} from './file-identity.ts'
import {
  createStaging,
  newPlace,
  oldPlace,
  removeStaging,
  type SwapStep,
  undoSteps,
  writeJournal,
} from './staging.ts'

/** A file, directory or link as it was found. */
export interface LiveFile extends Owner {
  entry: FileEntry
  identity: FileIdentity
}

interface Owner {
  uid: number
  gid: number
}

/** What has to be known of a file to put another in its place. */
export function liveFileOf(entry: FileEntry, stats: BigIntStats): LiveFile {
  return { entry, identity: identityOf(stats), uid: Number(stats.uid), gid: Number(stats.gid) }
}

export interface StagedFiles {
  changeCount: number
  /**
   * Swaps the files in.
   *
   * @throws SOURCE_CHANGED  what is to be replaced is not what was read; nothing was changed
   * @throws what the file system says; what was done is taken back then
   */
  swap(): Promise<void>
  /** Removes what is left of it. Safe to call always, and twice. */
  discard(): Promise<void>
}

export interface StageOptions {
  sourceName: string
  rootPath: string
  /** What is there now, ascending by the bytes of the path, and what is wanted. */
  live: ReadonlyMap<string, LiveFile>
  wanted: CommittedFiles
  signal?: AbortSignal | undefined
}

/**
 * Writes and syncs all that has to be swapped in.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT  the commit is damaged; nothing was changed
 */
export async function stageFiles(
  objects: StreamReader,
  { sourceName, rootPath, live, wanted, signal }: StageOptions,
): Promise<StagedFiles> {
  const entries = (async function* () {
    for (const { entry } of live.values()) yield entry
  })()
  const changes: FileChange[] = []
  const offsets = new Map<string, number>()
  const directories = new Map<string, FileEntry & { kind: 'directory' }>()
  let offsetBytes = 0
  const target = (async function* () {
    for await (const entry of readFileEntries(objects, wanted)) {
      if (entry.kind === 'file') {
        offsets.set(entry.path, offsetBytes)
        offsetBytes += entry.sizeBytes
      } else if (entry.kind === 'directory') {
        directories.set(entry.path, entry)
      }
      yield entry
    }
  })()
  for await (const change of compareFiles(entries, target)) changes.push(change)
  if (changes.length === 0) {
    return { changeCount: 0, swap: () => Promise.resolve(), discard: () => Promise.resolve() }
  }

  // A root that has gone is made again: there is nothing in the way of it.
  await mkdir(rootPath, { recursive: true })
  const staging = await createStaging(rootPath, randomBytes(6).toString('hex'))
  const { uid, gid } = (await findStats(rootPath)) as BigIntStats
  const ownerOfRoot = { uid: Number(uid), gid: Number(gid) }
  try {
    const steps = planSteps(changes)
    const places = new Map(
      steps.flatMap((step) => ('place' in step ? [[step.path, step.place] as const] : [])),
    )
    const contents = new ContentReader(objects, wanted)
    const writes = new Writes()
    const written: (() => Promise<void>)[] = []
    for (const { path, after } of changes) {
      throwIfAborted(signal, 'writing files')
      if (after === null || after.kind === 'directory') continue
      const place = newPlace(staging, places.get(path)!)
      const owner = live.get(path) ?? ownerOfRoot
      if (after.kind === 'file') written.push(() => finishFile(place, after, owner))
      await writes.begin()
      if (after.kind === 'symlink') {
        writes.end(writeLink(place, after, owner))
      } else {
        const bytes = contents.read(offsets.get(path)!, after.sizeBytes)
        if (after.sizeBytes > MAX_HELD_BYTES) {
          await writes.end(writeFile(place, bytes, after))
        } else {
          const held: Uint8Array[] = []
          for await (const piece of bytes) held.push(piece)
          writes.end(writeFile(place, held, after))
        }
      }
    }
    await writes.finish()
    // All at the end, when the first sync has most of them written: 10,000 files take 7 s so, and 11 s
    // when each is synced at once (ext4).
    for (const finish of written) {
      throwIfAborted(signal, 'writing files')
      await writes.begin()
      writes.end(finish())
    }
    await writes.finish()
    return {
      changeCount: changes.length,
      swap: () => swap({ sourceName, rootPath, staging, steps, changes, live, directories }),
      discard: () => removeStaging(staging),
    }
  } catch (error) {
    await removeStaging(staging).catch(() => {})
    throw error
  }
}

/** Removals, then directories from the deepest to make and from the highest, then files, then modes. Pure. */
export function planSteps(changes: readonly FileChange[]): SwapStep[] {
  const removals: SwapStep[] = []
  const directories: SwapStep[] = []
  const files: SwapStep[] = []
  const modes: SwapStep[] = []
  const goneDirectories: SwapStep[] = []
  for (const [place, { path, before, after }] of changes.entries()) {
    const wasDirectory = before?.kind === 'directory'
    if (after?.kind === 'directory') {
      if (before !== null && !wasDirectory) removals.push({ kind: 'remove', path, place })
      if (!wasDirectory) directories.push({ kind: 'createDirectory', path })
      const modeBefore = wasDirectory ? before.mode : null
      modes.push({ kind: 'setMode', path, modeBefore, modeAfter: after.mode })
    } else {
      if (wasDirectory) goneDirectories.push({ kind: 'removeDirectory', path, mode: before.mode })
      if (after === null) {
        if (!wasDirectory) removals.push({ kind: 'remove', path, place })
      } else {
        const isReplaced = before !== null && !wasDirectory
        files.push({ kind: isReplaced ? 'replace' : 'add', path, place })
      }
    }
  }
  return [...removals, ...goneDirectories.reverse(), ...directories, ...files, ...modes.reverse()]
}

interface Swap {
  sourceName: string
  rootPath: string
  staging: string
  steps: readonly SwapStep[]
  changes: readonly FileChange[]
  live: ReadonlyMap<string, LiveFile>
  /** All that are wanted. */
  directories: ReadonlyMap<string, FileEntry & { kind: 'directory' }>
}

async function swap(swapping: Swap): Promise<void> {
  const { rootPath, staging, steps, changes } = swapping
  await assertUnchanged(swapping)
  await writeJournal(staging, steps)
  try {
    const wanted = new Map(changes.map(({ path, after }) => [path, after]))
    for (const step of steps) await takeStep(rootPath, staging, step, wanted.get(step.path) ?? null)
    await setDirectoryTimes(swapping)
  } catch (error) {
    try {
      await undoSteps(rootPath, staging, steps)
      await removeStaging(staging)
    } catch (cause) {
      throw halfDone(swapping.sourceName, staging, cause)
    }
    throw error
  }
  await removeStaging(staging)
}

function halfDone(sourceName: string, stagingPath: string, cause: unknown): SnapError {
  return new SnapError(
    'SOURCE_UNFINISHED',
    `cannot put back the files of source '${sourceName}' after replacing some of them: ${(cause as Error).message}`,
    { source: sourceName, stagingPath },
    { cause, hint: "run 'snap checkout' or 'snap undo': both put the files back first" },
  )
}

/** Does one step; all are renames, and what directories need. */
export async function takeStep(
  rootPath: string,
  staging: string,
  step: SwapStep,
  wanted: FileEntry | null,
): Promise<void> {
  const path = pathBelow(rootPath, step.path)
  switch (step.kind) {
    case 'remove':
      return rename(path, oldPlace(staging, step.place))
    case 'removeDirectory':
      // What no pattern chose is still in it: then it stays, unless something else has to stand here.
      return rmdir(path).catch((error: NodeJS.ErrnoException) => {
        const isInUse = error.code === 'ENOTEMPTY' || error.code === 'EEXIST'
        if (!isInUse || wanted !== null) throw error
      })
    case 'createDirectory':
      await mkdir(path, { mode: 0o700 })
      return
    case 'replace':
      await rename(path, oldPlace(staging, step.place))
      return rename(newPlace(staging, step.place), path)
    case 'add':
      return rename(newPlace(staging, step.place), path)
    case 'setMode':
      return chmod(path, step.modeAfter)
  }
}

/**
 * Gives directories in which something was changed the times they had, so that a commit made now
 * equals the one that was checked out.
 */
async function setDirectoryTimes({ rootPath, changes, directories }: Swap): Promise<void> {
  const touched = new Set(changes.flatMap(({ path }) => [path, dirname(path)]))
  for (const path of touched) {
    const directory = directories.get(path)
    if (directory === undefined) continue
    const seconds = secondsOf(directory)
    // Behind a directory that nobody may enter, none can be set; nothing depends on it.
    await utimes(pathBelow(rootPath, path), seconds, seconds).catch(() => {})
  }
}

/** What `utimes` takes; a little more, because it cuts what is below a microsecond. */
const secondsOf = ({ modifiedAtUs }: { modifiedAtUs: number }) => (modifiedAtUs + 0.3) / 1e6

/** What was written since it was read is in no commit: it must not be replaced. */
async function assertUnchanged({ sourceName, rootPath, changes, live }: Swap): Promise<void> {
  const changed: string[] = []
  for (const { path } of changes) {
    const before = live.get(path)
    const absolute = pathBelow(rootPath, path)
    if (before === undefined || before.entry.kind === 'directory') {
      const found = await findStats(absolute)
      if (before === undefined ? found !== undefined : found?.isDirectory() !== true)
        changed.push(path)
    } else if ((await findIdentity(absolute)) !== before.identity) {
      changed.push(path)
    }
  }
  if (changed.length === 0) return
  throw new SnapError(
    'SOURCE_CHANGED',
    `cannot replace '${changed[0]}' of source '${sourceName}': it is not as it was when it was read`,
    { source: sourceName, paths: changed },
    { hint: 'stop what writes there, and run the command again' },
  )
}

async function writeFile(
  place: string,
  contents: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  entry: FileEntry & { kind: 'file' },
): Promise<void> {
  const file = await open(place, 'wx', 0o600)
  try {
    const hash = createHash('sha256')
    for await (const bytes of contents) {
      hash.update(bytes)
      await file.writeFile(bytes)
    }
    assertContents(entry, hash.digest('hex') as ObjectId)
  } finally {
    await file.close()
  }
}

/** Gives a file its owner, permissions and time, and makes it durable. */
async function finishFile(place: string, entry: FileEntry & { kind: 'file' }, owner: Owner) {
  const file = await open(place, constants.O_RDONLY)
  try {
    await giveTo(place, owner)
    // After the owner: giving a file away takes its set-id bits.
    await file.chmod(entry.mode)
    const seconds = secondsOf(entry)
    await file.utimes(seconds, seconds)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function writeLink(
  place: string,
  { target }: FileEntry & { kind: 'symlink' },
  owner: Owner,
): Promise<void> {
  await symlink(parseFileName(target), place)
  await giveTo(place, owner)
}

async function giveTo(place: string, { uid, gid }: Owner): Promise<void> {
  const made = await findStats(place)
  if (Number(made?.uid) === uid && Number(made?.gid) === gid) return
  // Only root may give files away; for everybody else they are their own, as with cp.
  await lchown(place, uid, gid).catch(() => {})
}

function assertContents({ path, contentId }: FileEntry & { kind: 'file' }, found: ObjectId): void {
  if (found === contentId) return
  throw new SnapError('OBJECT_CORRUPT', `what is stored of '${path}' does not hash to its id`, {
    expected: contentId,
    found,
  })
}

/** Files up to this long are written beside each other: most of the time goes into syncing them. */
const MAX_HELD_BYTES = 1024 * 1024
const WRITES_IN_FLIGHT = 16

/** Some writes at once; the first that fails is thrown by the next call. */
class Writes {
  readonly #open = new Set<Promise<void>>()
  #failure: { error: unknown } | undefined

  async begin(): Promise<void> {
    while (this.#open.size >= WRITES_IN_FLIGHT) await Promise.race(this.#open)
    if (this.#failure !== undefined) await this.finish()
  }

  end(write: Promise<void>): Promise<void> {
    const watched = write
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => this.#open.delete(watched))
    this.#open.add(watched)
    return watched
  }

  async finish(): Promise<void> {
    await Promise.all(this.#open)
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

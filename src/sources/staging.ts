/**
 * The directory in which a checkout writes files before it swaps them in.
 *
 * It stands beside the source's root, or below it where the root is a mount of
 * its own, so that a file gets to its place by a rename:
 *
 * - `owner`    which process made it
 * - `new/N`    what will be swapped in; no file there has another name yet
 * - `old/N`    what was swapped out
 * - `journal`  the steps, durable before the first of them
 *
 * Without a journal nothing has been touched. With one, and without its owner,
 * the swap was cut off: `putBackUnfinished` undoes what was done of it.
 */
import type { BigIntStats } from 'node:fs'
import {
  chmod,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  rmdir,
} from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { SnapError } from '../errors.ts'
import { hasEnded, type ProcessIdentity, thisProcess } from '../maintenance/process-identity.ts'
import { findStats, isAbsent, pathBelow } from './file-identity.ts'
import type { FilesSource } from './source.ts'

/** What is done to one path; `place` is a number below `old` and `new`. */
export type SwapStep =
  | { kind: 'remove'; path: string; place: number }
  | { kind: 'removeDirectory'; path: string; mode: number }
  | { kind: 'createDirectory'; path: string }
  | { kind: 'replace'; path: string; place: number }
  | { kind: 'add'; path: string; place: number }
  /** Of a directory; `modeBefore` is null for one that was not there. */
  | { kind: 'setMode'; path: string; modeBefore: number | null; modeAfter: number }

/** Makes an empty staging directory, on the file system of the root. */
export async function createStaging(rootPath: string, random: string): Promise<string> {
  const name = `${prefixFor(rootPath)}${random}`
  const root = (await findStats(rootPath)) as BigIntStats
  const beside = await findStats(dirname(rootPath))
  const staging = await makeDirectory(
    beside?.dev === root.dev ? [dirname(rootPath), rootPath] : [rootPath],
    name,
  )
  await writeDurably(join(staging, 'owner'), JSON.stringify(await thisProcess()))
  await mkdir(join(staging, 'new'), { mode: 0o700 })
  await mkdir(join(staging, 'old'), { mode: 0o700 })
  return staging
}

async function makeDirectory(parents: readonly string[], name: string): Promise<string> {
  for (const [position, parent] of parents.entries()) {
    try {
      await mkdir(join(parent, name), { mode: 0o700 })
      return join(parent, name)
    } catch (error) {
      // Whoever may write to a directory need not be allowed to write beside it.
      if (position === parents.length - 1) throw error
    }
  }
  throw new Error('a root has a place for staging')
}

/** Makes the steps durable; from now on the root may be changed. */
export async function writeJournal(staging: string, steps: readonly SwapStep[]): Promise<void> {
  for (const directory of ['new', 'old']) await syncDirectory(join(staging, directory))
  await writeDurably(join(staging, 'journal.tmp'), `${JSON.stringify(steps)}\n`)
  await rename(join(staging, 'journal.tmp'), join(staging, 'journal'))
  await syncDirectory(staging)
  await syncDirectory(dirname(staging))
}

/** Removes a staging directory; with it goes what was swapped out. */
export async function removeStaging(staging: string): Promise<void> {
  // First of all: a removal that is cut off must not look like a swap that was.
  await rm(join(staging, 'journal'), { force: true })
  await syncDirectory(staging).catch(() => {})
  // What cannot be removed means nothing without a journal, and the next checkout tries again.
  await rm(staging, { recursive: true, force: true }).catch(() => {})
}

/**
 * Refuses a root whose files are part old, part new.
 *
 * @throws SOURCE_UNFINISHED
 */
export async function assertNothingUnfinished(source: FilesSource): Promise<void> {
  for (const { path, owner, steps } of await listStagings(source)) {
    if (steps === undefined) continue
    const isOver = owner === undefined || (await hasEnded(owner))
    throw new SnapError(
      'SOURCE_UNFINISHED',
      isOver
        ? `cannot read source '${source.name}': a checkout was cut off while it replaced its files`
        : `cannot read source '${source.name}': process ${owner.pid} is replacing its files`,
      { source: source.name, stagingPath: path },
      {
        hint: isOver
          ? "run 'snap checkout' or 'snap undo': both put the files back as they were first"
          : 'wait for it to end',
      },
    )
  }
}

/**
 * Undoes every swap that was cut off, and removes what is left of others.
 *
 * @returns  whether the root was changed
 * @throws SOURCE_UNFINISHED  a swap goes on just now
 */
export async function putBackUnfinished(source: FilesSource): Promise<boolean> {
  let isChanged = false
  for (const { path, rootPath, owner, steps } of await listStagings(source)) {
    if (owner !== undefined && !(await hasEnded(owner))) {
      if (steps !== undefined) await assertNothingUnfinished(source)
      continue
    }
    if (steps !== undefined) {
      await undoSteps(rootPath, path, steps)
      isChanged = true
    }
    await removeStaging(path)
  }
  return isChanged
}

/**
 * Takes steps back, the last first. Looks at what is there, so it does not matter how many of them
 * were done, and whether it was cut off itself.
 */
export async function undoSteps(
  rootPath: string,
  staging: string,
  steps: readonly SwapStep[],
): Promise<void> {
  for (const step of steps.toReversed()) {
    const path = pathBelow(rootPath, step.path)
    switch (step.kind) {
      case 'setMode':
        if (step.modeBefore !== null) await unlessAbsent(chmod(path, step.modeBefore))
        break
      case 'createDirectory':
        await rmdir(path).catch(() => {})
        break
      case 'removeDirectory':
        if ((await findStats(path)) === undefined) {
          await mkdir(path)
          await chmod(path, step.mode)
        }
        break
      default: {
        const [fresh, former] = [newPlace(staging, step.place), oldPlace(staging, step.place)]
        const wasSwappedIn = step.kind !== 'remove' && (await findStats(fresh)) === undefined
        if (wasSwappedIn) await unlessAbsent(rename(path, fresh))
        if (step.kind !== 'add') await unlessAbsent(rename(former, path))
      }
    }
  }
}

export const newPlace = (staging: string, place: number) => join(staging, 'new', String(place))
export const oldPlace = (staging: string, place: number) => join(staging, 'old', String(place))

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

interface Staging {
  path: string
  rootPath: string
  owner: ProcessIdentity | undefined
  steps: SwapStep[] | undefined
}

async function listStagings(source: FilesSource): Promise<Staging[]> {
  const rootPath = await realpath(source.rootPath).catch(() => undefined)
  if (rootPath === undefined) return []
  const found: Staging[] = []
  for (const directory of [dirname(rootPath), rootPath]) {
    const names = await readdir(directory).catch(() => [])
    for (const name of names.filter((each) => each.startsWith(prefixFor(rootPath)))) {
      const path = join(directory, name)
      found.push({
        path,
        rootPath,
        owner: await findJson<ProcessIdentity>(join(path, 'owner')),
        steps: await findJson<SwapStep[]>(join(path, 'journal')),
      })
    }
  }
  return found
}

const prefixFor = (rootPath: string) => `.${basename(rootPath)}.snap-restore-`

async function findJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T
  } catch (error) {
    if (isAbsent(error) || error instanceof SyntaxError) return undefined
    throw error
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function unlessAbsent(work: Promise<void>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!isAbsent(error)) throw error
  })
}

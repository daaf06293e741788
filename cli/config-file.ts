import { randomUUID } from 'node:crypto'
import { chmod, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import {
  CONFIG_FILE_NAME,
  type Config,
  DEFAULT_CONFIG,
  isSnapError,
  parseConfig,
  SnapError,
  type Store,
  withSoleOperation,
} from '../src/index.ts'
import type { Context } from './context.ts'
import { exists } from './exists.ts'
import { readText } from './input-files.ts'

export interface ConfigFile {
  config: Config
  /** Where it was read; null when there is none, and `config` is the default. */
  path: string | null
  /** What paths in it are relative to: the directory that holds the store. */
  directory: string
}

/**
 * Reads the configuration that stands beside the store.
 *
 * @throws CONFIG_INVALID, INPUT_UNREADABLE
 */
export function readConfigFile(store: Store, context: Context): Promise<ConfigFile> {
  return readConfigOf(store.backend.location, context)
}

/** As `readConfigFile`, of a store that need not be open. */
export function readConfigOf(storeDirectory: string, context: Context): Promise<ConfigFile> {
  return readConfigIn(dirname(storeDirectory), context)
}

/** As `readConfigFile`, of a directory that may have no store yet. */
export async function readConfigIn(directory: string, context: Context): Promise<ConfigFile> {
  const { text, path, label } = await readTextIn(directory, context)
  if (text === null) return { config: DEFAULT_CONFIG, path: null, directory }
  return { config: parseConfig(text, label), path, directory }
}

export interface ConfigText {
  /** Null when there is no file. */
  text: string | null
  /** Where it is, or would be. */
  path: string
  /** How messages name it. */
  label: string
  directory: string
}

/** @throws INPUT_UNREADABLE */
export function readConfigText(storeDirectory: string, context: Context): Promise<ConfigText> {
  return readTextIn(dirname(storeDirectory), context)
}

async function readTextIn(directory: string, { io }: Context): Promise<ConfigText> {
  const path = join(directory, CONFIG_FILE_NAME)
  const below = relative(io.workingDirectory, path)
  const label = below.startsWith('..') ? path : below
  const text = (await exists(path)) ? await readText(path, label) : null
  return { text, path, label, directory }
}

/** How long to wait for another process that changes the file, which takes it milliseconds. */
const PATIENCE_MS = 10_000
const LONGEST_PAUSE_MS = 60

/**
 * Changes the configuration file, one process after the other; whoever reads meanwhile has the old
 * text or the new.
 *
 * @param edit  gets the text, empty when there is no file, and returns the new one
 * @throws STORE_LOCKED       another process changes it, or gc has the store to itself, all the while
 * @throws OUTPUT_UNWRITABLE  and what `edit` throws
 */
export async function editConfigFile(
  store: Store,
  context: Context,
  edit: (text: string, file: ConfigText) => string,
): Promise<ConfigText> {
  const deadlineMs = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      const at = context.io.now()
      return await withSoleOperation(store, { operation: 'config', at }, async () => {
        const file = await readConfigText(store.backend.location, context)
        const text = edit(file.text ?? '', file)
        // What is written must be what is read.
        parseConfig(text, file.label)
        if (text !== file.text) await replaceFile(file.path, text)
        return { ...file, text }
      })
    } catch (error) {
      if (!isSnapError(error, 'STORE_LOCKED') || performance.now() > deadlineMs) throw error
      // Two that wait for each other must not do so in step.
      await setTimeout(Math.random() * LONGEST_PAUSE_MS, undefined, { signal: context.io.signal })
    }
  }
}

/** By a rename, with the mode it had; a symbolic link stays one. */
async function replaceFile(path: string, text: string): Promise<void> {
  const target = await realpath(path).catch(() => path)
  const temporaryPath = `${target}.${randomUUID()}.tmp`
  try {
    const before = await stat(target).catch(() => undefined)
    await writeFile(temporaryPath, text, { flag: 'wx', flush: true })
    if (before !== undefined) await chmod(temporaryPath, before.mode & 0o7777)
    await rename(temporaryPath, target)
  } catch (cause) {
    await rm(temporaryPath, { force: true })
    throw new SnapError('OUTPUT_UNWRITABLE', `cannot write '${path}'`, { path }, { cause })
  }
}

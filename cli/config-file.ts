import { dirname, join, relative } from 'node:path'
import {
  CONFIG_FILE_NAME,
  type Config,
  DEFAULT_CONFIG,
  parseConfig,
  type Store,
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
  return readConfigIn(dirname(store.backend.location), context)
}

/** As `readConfigFile`, of a directory that may have no store yet. */
export async function readConfigIn(directory: string, { io }: Context): Promise<ConfigFile> {
  const path = join(directory, CONFIG_FILE_NAME)
  if (!(await exists(path))) return { config: DEFAULT_CONFIG, path: null, directory }
  const below = relative(io.workingDirectory, path)
  const label = below.startsWith('..') ? path : below
  return { config: parseConfig(await readText(path, label), label), path, directory }
}

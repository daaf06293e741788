import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  CONFIG_FILE_NAME,
  type Config,
  DEFAULT_CONFIG,
  parseConfig,
  type Store,
} from '../src/index.ts'

/** Where the configuration of a store's project is, be it there or not. */
export function configPathOf(store: Store): string {
  return join(dirname(store.backend.location), CONFIG_FILE_NAME)
}

/** Reads the text of the configuration file; undefined when there is none. */
export async function readConfigText(store: Store): Promise<string | undefined> {
  try {
    return await readFile(configPathOf(store), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Reads the configuration that stands beside the store.
 *
 * @throws CONFIG_INVALID
 */
export async function readConfig(store: Store): Promise<Config> {
  const text = await readConfigText(store)
  return text === undefined ? DEFAULT_CONFIG : parseConfig(text, CONFIG_FILE_NAME)
}

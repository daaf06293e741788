import { type Config, DEFAULT_CONFIG, type Store } from '../src/index.ts'
import { readConfigFile } from './config-file.ts'
import type { Context } from './context.ts'

/**
 * Returns what the configuration says about how text is shown.
 *
 * Showing a result must not fail over a mistake in a file that is about much else: the commands
 * that need the rest of it name the mistake.
 */
export async function readTextSettings(
  context: Context,
  store: Store,
): Promise<Pick<Config, 'pager' | 'hints'>> {
  try {
    return (await readConfigFile(store, context)).config
  } catch {
    return DEFAULT_CONFIG
  }
}

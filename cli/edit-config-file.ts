import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CONFIG_FILE_NAME, parseConfig, SnapError, type Store } from '../src/index.ts'
import { readConfigIn } from './config-file.ts'
import type { Context } from './context.ts'
import { readText } from './input-files.ts'

/** As `editConfigIn`, of the configuration beside a store. */
export function editConfigOf(
  context: Context,
  store: Store,
  edit: (text: string) => string,
): Promise<void> {
  return editConfigIn(context, dirname(store.backend.location), edit)
}

/**
 * Changes the text of a directory's configuration file, which is made when there is none.
 *
 * @throws OUTPUT_UNWRITABLE, CONFIG_INVALID
 */
export async function editConfigIn(
  context: Context,
  directory: string,
  edit: (text: string) => string,
): Promise<void> {
  const { path: found } = await readConfigIn(directory, context)
  const path = found ?? join(directory, CONFIG_FILE_NAME)
  const text = edit(found === null ? '' : await readText(found, CONFIG_FILE_NAME))
  // What is written must be what is read.
  parseConfig(text, CONFIG_FILE_NAME)
  try {
    await writeFile(path, text)
  } catch (cause) {
    throw new SnapError('OUTPUT_UNWRITABLE', `cannot write '${path}'`, { path }, { cause })
  }
}

import { resolve } from 'node:path'
import type { Source, SourceSettings, Store } from '../src/index.ts'
import { readConfigFile } from './config-file.ts'
import type { Context } from './context.ts'

/**
 * Returns the other datastores that are configured beside the store.
 *
 * @throws CONFIG_INVALID, INPUT_UNREADABLE
 */
export async function findSources(store: Store, context: Context): Promise<Source[]> {
  const { config, directory } = await readConfigFile(store, context)
  return config.sources.map((settings) => resolveSource(settings, directory, store, context))
}

function resolveSource(
  settings: SourceSettings,
  directory: string,
  store: Store,
  { io }: Context,
): Source {
  if (settings.kind === 'files') {
    const rootPath = resolve(directory, settings.root)
    return { ...settings, rootPath, storePath: store.backend.location }
  }
  const { kind, name, dump, restore, environment, timeoutSeconds } = settings
  return {
    kind,
    name,
    dump,
    restore,
    workingDirectory: resolve(directory, settings.directory),
    environment: { ...io.environment, ...environment },
    timeoutMs: timeoutSeconds * 1000,
  }
}

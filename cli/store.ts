import { resolve } from 'node:path'
import {
  type Backend,
  findStoreDirectory,
  LocalBackend,
  openStore,
  type Store,
} from '../src/index.ts'
import type { Context } from './context.ts'

/**
 * Opens the store that the command line, the environment or the working
 * directory names, does the work, and closes it however the work ends.
 *
 * @throws STORE_NOT_FOUND  there is none
 */
export async function withStore<T>(
  context: Context,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  return withBackend(context, async (backend) => work(await openStore(backend)))
}

/** As `withStore`, for work that must not need the store to be whole. */
export async function withBackend<T>(
  context: Context,
  work: (backend: Backend) => Promise<T>,
): Promise<T> {
  const directory =
    namedStoreDirectory(context) ?? (await findStoreDirectory(context.io.workingDirectory))
  const backend = wrap(context, await LocalBackend.open(directory))
  try {
    return await work(backend)
  } finally {
    await backend.close()
  }
}

/** Makes the directory for a new store. */
export async function createBackend(context: Context, directory: string): Promise<Backend> {
  return wrap(context, await LocalBackend.create(directory))
}

/** Returns the directory that `--store` or SNAP_DIR names. */
export function namedStoreDirectory({ options, io }: Context): string | undefined {
  const named = options.store ?? io.environment.SNAP_DIR
  return named === undefined || named === '' ? undefined : resolve(io.workingDirectory, named)
}

function wrap({ dependencies }: Context, backend: Backend): Backend {
  return dependencies.wrapBackend?.(backend) ?? backend
}

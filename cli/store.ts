import { resolve } from 'node:path'
import {
  type Backend,
  findStoreDirectory,
  LocalBackend,
  openStore,
  SnapError,
  type Store,
} from '../src/store-index.ts'
import type { Context } from './context.ts'
import { exists } from './exists.ts'

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
  const backend = wrap(context, await LocalBackend.open(await storeDirectory(context)))
  try {
    return await work(backend)
  } finally {
    await backend.close()
  }
}

/** @throws STORE_NOT_FOUND */
export async function storeDirectory(context: Context): Promise<string> {
  const named = namedStoreDirectory(context)
  if (named === undefined) return findStoreDirectory(context.io.workingDirectory)
  if (await exists(named)) return named
  throw new SnapError(
    'STORE_NOT_FOUND',
    `no store in '${named}': there is no such directory`,
    { startDirectory: named },
    { hint: 'check --store and SNAP_DIR' },
  )
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

import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Backend } from './backend/backend.ts'
import { LocalBackend } from './backend/local-backend.ts'
import { isSnapError, SnapError } from './errors.ts'
import { type Author, encodeRefRecord } from './format/ref-record.ts'
import {
  decodeStoreFile,
  encodeStoreFile,
  STORE_FILE_KEY,
  type StoreFile,
} from './format/store-file.ts'
import { ObjectDatabase } from './objects/object-database.ts'
import { OperationLog } from './operations/operation-log.ts'
import { PrunedCommits } from './refs/pruned-commits.ts'
import { branchRefName, HEAD, refRecordKey } from './refs/ref-name.ts'
import { RefStore } from './refs/ref-store.ts'

/** The directory that holds a store, beside what it is a store of. */
export const STORE_DIRECTORY_NAME = '.snap'

/** An open store: objects, the refs that name some of them, and the log of what was done. */
export class Store {
  readonly backend: Backend
  readonly file: StoreFile
  readonly objects: ObjectDatabase
  readonly refs: RefStore
  readonly pruned: PrunedCommits
  readonly operations: OperationLog

  constructor(backend: Backend, file: StoreFile) {
    this.backend = backend
    this.file = file
    this.objects = ObjectDatabase.open(backend)
    this.refs = new RefStore(backend)
    this.pruned = new PrunedCommits(backend)
    this.operations = new OperationLog(backend)
  }

  async close(): Promise<void> {
    await this.backend.close()
  }
}

/**
 * Makes a store: HEAD, pointing at a branch without commits, then `format`, which makes it a store.
 *
 * @param place  a directory, which is made, or any other place that keeps bytes
 * @throws STORE_EXISTS  there is one already
 * @throws BACKEND_FULL, BACKEND_READ_ONLY, BACKEND_UNAVAILABLE
 */
export async function initStore(
  place: string | Backend,
  options: { author: Author; at?: Date; initialBranch?: string },
): Promise<Store> {
  const backend = typeof place === 'string' ? await LocalBackend.create(place) : place
  const { author, at = new Date(), initialBranch = 'main' } = options
  const createdAt = at.toISOString()
  const head = encodeRefRecord({
    refName: HEAD,
    sequence: 1,
    oldId: null,
    newId: null,
    oldTargetRef: null,
    newTargetRef: branchRefName(initialBranch),
    at: createdAt,
    author,
    reason: { kind: 'init', message: `init on ${initialBranch}` },
  })
  const file = { storeId: randomBytes(16).toString('hex'), createdAt, features: [] }
  if ((await backend.findSizeBytes(STORE_FILE_KEY)) !== undefined) throw storeExists(backend)
  // `exists` is what an init leaves that was interrupted before it wrote `format`; it serves as well.
  await backend.create(refRecordKey(HEAD, 1), [head])
  const outcome = await backend.create(STORE_FILE_KEY, [encodeStoreFile(file)])
  if (outcome === 'exists') throw storeExists(backend)
  return new Store(backend, file)
}

/**
 * Opens a store. It is to be closed.
 *
 * @param place  the directory that holds it (`.snap`), or any other place that keeps bytes
 * @throws STORE_NOT_FOUND     the backend holds no store
 * @throws STORE_CORRUPT       its `format` is damaged
 * @throws FORMAT_UNSUPPORTED  it is of a version, or uses a feature, that this snap does not know
 */
export async function openStore(place: string | Backend): Promise<Store> {
  const backend = typeof place === 'string' ? await LocalBackend.open(place) : place
  let bytes: Uint8Array
  try {
    bytes = await backend.read(STORE_FILE_KEY)
  } catch (cause) {
    if (!isSnapError(cause, 'BACKEND_KEY_MISSING')) throw cause
    throw storeNotFound(backend.location, cause)
  }
  return new Store(backend, decodeStoreFile(bytes))
}

/**
 * Finds the store that belongs to a directory: `.snap` in it or in the nearest directory above that has one.
 *
 * @returns  absolute path of the `.snap` directory
 * @throws STORE_NOT_FOUND
 */
export async function findStoreDirectory(startDirectory: string): Promise<string> {
  for (let directory = resolve(startDirectory); ; directory = dirname(directory)) {
    const candidate = join(directory, STORE_DIRECTORY_NAME)
    if (await isStoreDirectory(candidate)) return candidate
    if (directory === dirname(directory)) throw storeNotFound(resolve(startDirectory))
  }
}

/** A store that has lost its `format` still counts: opening it says what is wrong. */
async function isStoreDirectory(directory: string): Promise<boolean> {
  for (const key of [STORE_FILE_KEY, 'packs']) {
    const found = await stat(join(directory, key)).catch(() => undefined)
    if (found !== undefined) return true
  }
  return false
}

function storeExists(backend: Backend): SnapError {
  return new SnapError('STORE_EXISTS', `there is a store in '${backend.location}' already`, {
    location: backend.location,
  })
}

function storeNotFound(startDirectory: string, cause?: unknown): SnapError {
  return new SnapError(
    'STORE_NOT_FOUND',
    `no store in '${startDirectory}' or any directory above`,
    { startDirectory },
    { cause, hint: "run 'snap init' to make one" },
  )
}

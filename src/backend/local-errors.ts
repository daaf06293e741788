import { InvariantError, SnapError } from '../errors.ts'

/** What was being done, for the message. */
interface Attempt {
  location: string
  /** Completes "cannot …": `write 'packs/9b/…'`. */
  action: string
  /** Set where a missing file is BACKEND_KEY_MISSING. */
  key?: string
}

/** What reading a path reports where there is no file, or a directory of that name. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'EISDIR'])
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const READ_ONLY = new Set(['EROFS', 'EACCES', 'EPERM'])
/** Passing states of the machine; the same call may succeed later. */
const PASSING = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'EBUSY', 'EINTR', 'ETIMEDOUT', 'ESTALE'])

/** Returns the system's error name (`ENOSPC`), or `undefined` when `error` carries none. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return error instanceof Error && typeof code === 'string' && !(error instanceof SnapError)
    ? code
    : undefined
}

/** Translates what a failed write threw; our own errors pass through. */
export function writeFailure(error: unknown, attempt: Attempt): Error {
  const errno = errnoOf(error)
  const { location, action } = attempt
  if (errno !== undefined && FULL.has(errno)) {
    return new SnapError(
      'BACKEND_FULL',
      `cannot ${action}: no space left`,
      { location },
      { cause: error, hint: 'free some space and run the command again' },
    )
  }
  if (errno !== undefined && READ_ONLY.has(errno)) {
    return new SnapError(
      'BACKEND_READ_ONLY',
      `cannot ${action}: ${errno === 'EROFS' ? 'read-only file system' : 'permission denied'}`,
      { location },
      { cause: error, hint: `make '${location}' writable for this user` },
    )
  }
  return readFailure(error, attempt)
}

/** Translates what a failed read threw; our own errors pass through. */
export function readFailure(error: unknown, attempt: Attempt): Error {
  if (error instanceof SnapError || error instanceof InvariantError) return error
  const errno = errnoOf(error)
  const { location, action, key } = attempt
  if (key !== undefined && errno !== undefined && ABSENT.has(errno)) {
    return new SnapError(
      'BACKEND_KEY_MISSING',
      `cannot ${action}: there is no such key`,
      { key },
      { cause: error },
    )
  }
  const reason =
    errno === 'ENOENT'
      ? 'no such directory'
      : errno === 'EACCES' || errno === 'EPERM'
        ? 'permission denied'
        : error instanceof Error
          ? error.message
          : String(error)
  const options = { cause: error, retryable: errno !== undefined && PASSING.has(errno) }
  return new SnapError(
    'BACKEND_UNAVAILABLE',
    `cannot ${action}: ${reason}`,
    { location },
    errno === 'EACCES' || errno === 'EPERM'
      ? { ...options, hint: `make '${location}' readable for this user` }
      : options,
  )
}

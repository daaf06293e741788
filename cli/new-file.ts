import { access, constants, type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { isSnapError, SnapError } from '../src/index.ts'
import { exists } from './exists.ts'
import type { ProgramIo } from './io.ts'

interface NewFile {
  path: string
  pieces: AsyncIterable<Uint8Array>
}

/**
 * Returns the path of a file that is to be written when the work is done, and says before it if it
 * cannot be: it is there already, or its directory is not, or not to be written into.
 *
 * @throws OUTPUT_EXISTS, OUTPUT_UNWRITABLE
 */
export async function resolveNewFile(
  file: string,
  { workingDirectory }: Pick<ProgramIo, 'workingDirectory'>,
): Promise<string> {
  const path = resolve(workingDirectory, file)
  if (await exists(path)) throw alreadyThere(file, path)
  await access(dirname(path), constants.W_OK).catch((cause) => {
    throw cannotWrite(path, cause)
  })
  return path
}

/**
 * Writes a file that is not there yet, for its owner alone, and takes it away again when that fails.
 *
 * @returns  its size in bytes
 * @throws OUTPUT_EXISTS, OUTPUT_UNWRITABLE
 */
export async function writeNewFile(
  { path, pieces }: NewFile,
  signal: AbortSignal,
): Promise<number> {
  const file = await open(path, 'wx', 0o600).catch((cause) => {
    throw cannotWrite(path, cause)
  })
  try {
    return await writePieces(file, { path, pieces }, signal)
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
}

/**
 * Writes the files of a directory that is not there yet, one after the other, and takes all of it
 * away again when that fails.
 *
 * @param writeOthers  puts more into it, and returns how many bytes
 * @returns  their size in bytes
 * @throws OUTPUT_EXISTS, OUTPUT_UNWRITABLE
 */
export async function writeNewDirectory(
  path: string,
  files: readonly { name: string; pieces: AsyncIterable<Uint8Array> }[],
  signal: AbortSignal,
  writeOthers: () => Promise<number>,
): Promise<number> {
  await mkdir(path, { mode: 0o700 }).catch((cause) => {
    throw cannotWrite(path, cause)
  })
  try {
    let sizeBytes = 0
    for (const { name, pieces } of files) {
      sizeBytes += await writeNewFile({ path: join(path, name), pieces }, signal)
    }
    const otherBytes = await writeOthers().catch((error) => {
      throw isSnapError(error) || signal.aborted ? error : cannotWrite(path, error)
    })
    return sizeBytes + otherBytes
  } catch (error) {
    await rm(path, { recursive: true, force: true })
    throw error
  }
}

async function writePieces(
  file: FileHandle,
  { path, pieces }: NewFile,
  signal: AbortSignal,
): Promise<number> {
  let sizeBytes = 0
  for await (const piece of pieces) {
    signal.throwIfAborted()
    await file.appendFile(piece).catch((cause) => {
      throw cannotWrite(path, cause)
    })
    sizeBytes += piece.length
  }
  return sizeBytes
}

function alreadyThere(file: string, path: string, cause?: unknown): SnapError {
  return new SnapError(
    'OUTPUT_EXISTS',
    `cannot write '${file}': it exists`,
    { path },
    { cause, hint: 'name another, or remove it first' },
  )
}

function cannotWrite(path: string, cause: unknown): SnapError {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'EEXIST') {
    return alreadyThere(path, path, cause)
  }
  return new SnapError(
    'OUTPUT_UNWRITABLE',
    `cannot write '${path}': ${message}`,
    { path },
    { cause },
  )
}

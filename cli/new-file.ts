import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isSnapError, SnapError } from '../src/index.ts'

interface NewFile {
  path: string
  pieces: AsyncIterable<Uint8Array>
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

function cannotWrite(path: string, cause: unknown): SnapError {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'EEXIST') {
    return new SnapError(
      'OUTPUT_EXISTS',
      `cannot write '${path}': it exists`,
      { path },
      { cause, hint: 'name another, or remove it first' },
    )
  }
  return new SnapError(
    'OUTPUT_UNWRITABLE',
    `cannot write '${path}': ${message}`,
    { path },
    { cause },
  )
}

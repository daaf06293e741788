import type { BigIntStats } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseFileName } from '../format/file-name.ts'

/** Differs when a file was written, replaced or changed in any of its attributes since. */
export type FileIdentity = string

export function identityOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): FileIdentity {
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`
}

/** Returns the bytes of an absolute path whose text is as `formatFileName` writes it. */
export function pathBelow(rootPath: string, path: string): Buffer {
  return parseFileName(join(rootPath, path))
}

/** Looks at a file itself, not at what it links to; undefined when it is not there. */
export async function findStats(path: string | Buffer): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true })
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

export async function findIdentity(path: string | Buffer): Promise<FileIdentity | undefined> {
  const stats = await findStats(path)
  return stats === undefined ? undefined : identityOf(stats)
}

/** ENOTDIR: what was a directory on the way there is none any more. */
export function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
}

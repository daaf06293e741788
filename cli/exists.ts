import { access } from 'node:fs/promises'

/** Says whether a path names anything that can be reached. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

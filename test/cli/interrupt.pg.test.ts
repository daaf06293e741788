/**
 * Commands that only read, interrupted at one look at the signal after the other: they end with
 * 130, and leave neither temporary files nor half of what they were to write.
 */
import { deepEqual, equal } from 'node:assert/strict'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, test, vi } from 'vitest'
import { allMajors } from '../support/postgres.ts'
import { newWorkplace, WRECKAGE } from './workplace.ts'

afterEach(() => vi.unstubAllEnvs())

/** A signal that is aborted when it is looked at for the nth time. */
function abortedAtLook(n: number): AbortSignal {
  const controller = new AbortController()
  const { signal } = controller
  let looks = 0
  let isAborted = false
  Object.defineProperty(signal, 'aborted', {
    get: () => {
      looks++
      if (looks === n) {
        isAborted = true
        controller.abort()
      }
      return isAborted
    },
  })
  signal.throwIfAborted = () => {
    if (signal.aborted) throw signal.reason
  }
  return signal
}

async function twoCommits() {
  const place = await newWorkplace(allMajors.at(-1)!)
  await place.succeed(['init'])
  await place.succeed(['commit', '-m', 'before'])
  await place.database.query(WRECKAGE)
  await place.succeed(['commit', '-m', 'after'])
  // Their own, so that what others leave there meanwhile is not taken for theirs.
  const temporary = join(place.directory, 'tmp')
  await mkdir(temporary)
  vi.stubEnv('TMPDIR', temporary)
  return { ...place, temporary }
}

test.each([
  [['status', '--jobs', '1'], 0],
  [['diff', 'HEAD~1', 'HEAD'], 1],
  [['diff', 'HEAD~1', 'HEAD', '--rows'], 1],
  [['diff', 'HEAD~1', 'HEAD', '--sql'], 1],
  [['export', '--output', 'out'], 0],
  [['export', '--format', 'directory', '--output', 'out'], 0],
])('%j', async (argv, exitCodeAtEnd) => {
  const { directory, snap, succeed, temporary } = await twoCommits()
  const before = await readdir(directory)
  let interruptions = 0
  for (let n = 1; ; n = Math.ceil(n * 1.5)) {
    const { exitCode, stderr } = await snap(argv, { signal: abortedAtLook(n) })
    deepEqual(await readdir(temporary), [])
    if (exitCode === exitCodeAtEnd) break
    interruptions++
    equal(exitCode, 130, stderr)
    deepEqual(await readdir(directory), before)
  }
  equal(interruptions > 0, true)
  await succeed(['fsck'])
})

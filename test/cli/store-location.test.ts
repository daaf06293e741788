import { equal, match } from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'vitest'
import { environment, runSnap, temporaryDirectory } from './run-snap.ts'

async function initIn(directory: string, ...argv: string[]): Promise<void> {
  const { exitCode, stderr } = await runSnap(['init', ...argv], { workingDirectory: directory })
  equal(exitCode, 0, stderr)
}

/** What `snap fsck` ends with: 0 when it found a store, 3 when not. */
async function fsck(options: Parameters<typeof runSnap>[1], ...argv: string[]): Promise<number> {
  return (await runSnap(['fsck', ...argv], options)).exitCode
}

test('a store is found from any directory below it', async () => {
  const directory = await temporaryDirectory()
  await initIn(directory)
  await mkdir(join(directory, 'a', 'b'), { recursive: true })
  equal(await fsck({ workingDirectory: join(directory, 'a', 'b') }), 0)
})

test('--store goes before SNAP_DIR, and that before what is found upward', async () => {
  const directory = await temporaryDirectory()
  await initIn(directory, '--store', 'named')
  const options = (SNAP_DIR: string) => ({
    workingDirectory: directory,
    environment: environment({ SNAP_DIR }),
  })
  equal(await fsck(options('')), 3)
  equal(await fsck(options('named')), 0)
  equal(await fsck(options(join(directory, 'nowhere'))), 3)
  equal(await fsck(options('nowhere'), '--store', 'named'), 0)
})

test('the .env beside the store names the database from below, unless there is one nearer', async () => {
  const directory = await temporaryDirectory()
  await initIn(directory)
  const below = join(directory, 'below')
  await mkdir(below)
  const commit = async () =>
    (await runSnap(['commit', '-m', 'x'], { workingDirectory: below })).stderr
  await writeFile(join(directory, '.env'), 'DATABASE_URL=postgres://ada@127.0.0.1:1/beside\n')
  match(await commit(), /ada@127\.0\.0\.1:1\/beside/)
  await writeFile(join(below, '.env'), 'DATABASE_URL=postgres://ada@127.0.0.1:1/nearer\n')
  match(await commit(), /ada@127\.0\.0\.1:1\/nearer/)
})

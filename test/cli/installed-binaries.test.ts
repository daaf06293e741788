import { deepEqual, equal } from 'node:assert/strict'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'vitest'
import { findInstalledBinaries } from '../../cli/demo/find-installed-binaries.ts'
import { temporaryDirectory } from './run-snap.ts'

/** Makes a directory with programs that say they are a server of a version. */
async function fakeServer(version: string): Promise<string> {
  const directory = await temporaryDirectory()
  for (const name of ['initdb', 'postgres']) {
    const path = join(directory, name)
    await writeFile(path, `#!/bin/sh\necho "${name} (PostgreSQL) ${version}"\n`)
    await chmod(path, 0o755)
  }
  return directory
}

test('the first server on PATH that is new enough is taken', async () => {
  const empty = await temporaryDirectory()
  await mkdir(join(empty, 'postgres'))
  const old = await fakeServer('13.9')
  const good = await fakeServer('17.2 (Debian 17.2-1)')
  const better = await fakeServer('18.4')
  deepEqual(await findInstalledBinaries([empty, old, good, better].join(':')), {
    initdb: join(good, 'initdb'),
    postgres: join(good, 'postgres'),
  })
})

test('a server that does not run is passed over', async () => {
  const broken = await temporaryDirectory()
  for (const name of ['initdb', 'postgres']) await writeFile(join(broken, name), 'not a program')
  const found = await findInstalledBinaries(broken)
  equal(found?.postgres.startsWith(broken) ?? false, false)
})

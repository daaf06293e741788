/**
 * `kill -9` at many moments of a checkout that restores files with the database.
 *
 * After each, the next checkout must bring both to the commit's state and leave
 * nothing behind, whatever the one before had done.
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type InstalledProgram, installProgram, outcomeOf } from '../cli/installed-program.ts'
import { temporaryDirectory } from '../cli/run-snap.ts'
import { readTree } from '../support/file-sources.ts'
import { createDatabase } from '../support/postgres.ts'

const KILLS = 6
const FILES = 100

let program: InstalledProgram
beforeAll(async () => {
  program = await installProgram()
})
afterAll(() => program.remove())

test('killed at any moment, a checkout is finished by the next one', async () => {
  const directory = await temporaryDirectory()
  const uploads = join(directory, 'uploads')
  const database = await createDatabase(18)
  await database.query('CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 1000) g')
  await mkdir(uploads)
  for (let n = 0; n < FILES; n++) await writeFile(join(uploads, `${n}`), `before ${n}`)
  await mkdir(join(uploads, 'empty'))
  const config = { sources: { uploads: { files: { root: 'uploads' } } } }
  await writeFile(join(directory, 'snap.config.json'), JSON.stringify(config))
  const options = {
    workingDirectory: directory,
    environment: { ...process.env, DATABASE_URL: database.url },
  }
  const snap = (...argv: string[]) => program.run(argv, options)
  expect(await snap('init', '--no-gitignore')).toMatchObject({ exitCode: 0 })
  expect(await snap('commit', '-q', '-m', 'first')).toMatchObject({ exitCode: 0 })
  const before = await readTree(uploads)

  const wreck = async () => {
    await database.query('DELETE FROM t WHERE id > 500')
    await rm(join(uploads, 'empty'), { recursive: true })
    for (let n = 0; n < FILES; n += 2) await rm(join(uploads, `${n}`))
    for (let n = 1; n < FILES; n += 2) await writeFile(join(uploads, `${n}`), 'after')
    await mkdir(join(uploads, '0'))
    await writeFile(join(uploads, '0', 'new'), 'new')
  }
  const assertRestored = async () => {
    expect(await readTree(uploads)).toEqual(before)
    expect(await database.query('SELECT count(*)::int AS n FROM t')).toEqual([{ n: 1000 }])
    expect((await readdir(directory)).sort()).toEqual(['.snap', 'snap.config.json', 'uploads'])
  }
  await wreck()
  const startedAt = performance.now()
  expect(await snap('checkout', 'HEAD', '-y', '-q')).toMatchObject({ exitCode: 0 })
  const checkoutMs = performance.now() - startedAt
  await assertRestored()

  let killedCount = 0
  for (let i = 0; i < KILLS; i++) {
    await wreck()
    const child = program.start(['checkout', 'HEAD', '-y', '-q'], options)
    // The files come last: most kills are to fall there.
    const share = 0.4 + (0.65 * (i + 1)) / KILLS
    const timer = setTimeout(() => child.kill('SIGKILL'), checkoutMs * share)
    const { exitCode } = await outcomeOf(child)
    clearTimeout(timer)
    if (exitCode === null) killedCount++
    expect(await snap('checkout', 'HEAD', '-y', '-q')).toMatchObject({ exitCode: 0 })
    await assertRestored()
  }
  expect(killedCount).toBeGreaterThan(0)
})

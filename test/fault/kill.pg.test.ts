/**
 * `kill -9` at many moments of a commit, in a process of its own.
 *
 * After each, the store must open, fsck must find nothing that must not be, and
 * the branch must be where it was or where the commit would have put it, with
 * every object there. The kills are spread over the time an undisturbed commit
 * takes, so they fall into every phase of it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LocalBackend } from '../../src/backend/local-backend.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { readHead } from '../../src/refs/head.ts'
import { manifestsOf, verifyObjects } from '../../src/restore/verify-objects.ts'
import { openStore } from '../../src/store.ts'
import { type InstalledProgram, installProgram, outcomeOf } from '../cli/installed-program.ts'
import { createDatabase } from '../support/postgres.ts'
import { checkoutDatabase } from '../support/session.ts'
import { dumpWith } from '../support/witness.ts'

const KILLS = 25

let program: InstalledProgram
let directory: string
beforeAll(async () => {
  program = await installProgram()
  directory = await mkdtemp(join(tmpdir(), 'snap-kill-'))
})
afterAll(async () => {
  await program.remove()
  await rm(directory, { recursive: true, force: true })
})

test('killed at any moment, a commit is there whole or not at all, and earlier ones restore', async () => {
  const database = await createDatabase(18)
  // Random text does not compress, so packs fill and are written while rows still come.
  await database.query(`CREATE TABLE t (id int PRIMARY KEY, noise text);
    INSERT INTO t SELECT g, (SELECT string_agg(md5(random()::text || g || i), '') FROM generate_series(1, 20) i)
      FROM generate_series(1, 20000) g`)
  const before = await dumpWith(18, database.url)
  const options = {
    workingDirectory: directory,
    environment: { ...process.env, DATABASE_URL: database.url },
  }
  const snap = (...argv: string[]) => program.run(argv, options)
  expect(await snap('init', '--no-gitignore')).toMatchObject({ exitCode: 0 })
  const startedAt = performance.now()
  expect(await snap('commit', '-q', '-m', 'first')).toMatchObject({ exitCode: 0 })
  const commitMs = performance.now() - startedAt
  await database.query('UPDATE t SET noise = reverse(noise)')

  const backend = () => LocalBackend.open(join(directory, '.snap'))
  const headId = async () => (await readHead((await openStore(await backend())).refs)).id
  const firstId = await headId()
  let killedCount = 0
  for (let i = 0; i < KILLS; i++) {
    const idBefore = await headId()
    const child = program.start(['commit', '-q', '-m', `kill ${i}`], options)
    const timer = setTimeout(() => child.kill('SIGKILL'), (commitMs * 1.1 * (i + 1)) / KILLS)
    const { exitCode } = await outcomeOf(child)
    clearTimeout(timer)
    if (exitCode === null) killedCount++

    const store = await openStore(await backend())
    const report = await fsck(store.backend)
    expect(report.findings.filter(({ severity }) => severity === 'must')).toEqual([])
    const head = await readHead(store.refs)
    const commit = await store.objects.readCommit(head.id!)
    expect([head.id, commit.parentIds[0]]).toContain(idBefore)
    await verifyObjects(store.objects, manifestsOf(await store.objects.readTree(commit.treeId)))
    await store.close()
  }
  expect(killedCount).toBeGreaterThan(KILLS / 2)

  const store = await openStore(await backend())
  await checkoutDatabase(store, database.url, String(firstId))
  expect(await dumpWith(18, database.url)).toBe(before)
})

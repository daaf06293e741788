import { equal, match } from 'node:assert/strict'
import { afterAll, beforeAll, test } from 'vitest'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../cli/demo/embedded-postgres.ts'
import { runSnap, temporaryDirectory } from './run-snap.ts'

let server: EmbeddedPostgres
beforeAll(async () => {
  server = await startEmbeddedPostgres({ tcp: { role: 'ada', password: 'right' } })
})
afterAll(() => server.stop())

test('a wrong password has its own sentence and exit code, and is not repeated', async () => {
  const directory = await temporaryDirectory()
  const url = `postgres://ada:wrong-one@127.0.0.1:${server.port}/postgres`
  await runSnap(['init', '--database', url], { workingDirectory: directory })
  const { exitCode, stderr } = await runSnap(['commit', '-m', 'x', '--database', url], {
    workingDirectory: directory,
  })
  equal(exitCode, 6)
  match(stderr, /^fatal: .*ada@127\.0\.0\.1:\d+\/postgres.*password/m)
  match(stderr, /^hint: /m)
  equal(stderr.includes('wrong-one'), false)
})

test('the right one works', async () => {
  const directory = await temporaryDirectory()
  const url = `postgres://ada:right@127.0.0.1:${server.port}/postgres`
  const { stdout } = await runSnap(['init', '--database', url], { workingDirectory: directory })
  match(stdout, /^Database: ada@127\.0\.0\.1:\d+\/postgres \(PostgreSQL \d+/m)
})

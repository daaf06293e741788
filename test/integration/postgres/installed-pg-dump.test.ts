/**
 * A server newer than the bundled pg_dump is read with an installed one. None of
 * the servers here is, so the installed program is asked directly; where none is
 * new enough, the refusal has to say so.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { dumpSchema } from '../../../src/postgres/pg-dump/dump-schema.ts'
import { runInstalledPgDump } from '../../../src/postgres/pg-dump/installed-pg-dump.ts'
import { parseToc } from '../../../src/schema/toc.ts'
import { createDatabase, eachMajor } from '../../support/postgres.ts'
import { withSession } from './sessions.ts'

const ARGS = ['--schema-only', '--format=custom', '--compress=0']

async function installedMajor(): Promise<number> {
  const answer = await promisify(execFile)('pg_dump', ['--version']).catch(() => undefined)
  return Number(/\(PostgreSQL\) (\d+)/.exec(answer?.stdout ?? '')?.[1] ?? 0)
}

const namesIn = (archive: Uint8Array) =>
  parseToc(archive).map(({ kind, namespace, tag }) => `${kind} ${namespace} ${tag}`)

eachMajor((majorVersion) => {
  test('an installed pg_dump sees the same objects, or is refused for its age', async () => {
    const database = await createDatabase(majorVersion)
    await database.query(
      `CREATE TABLE "it's" (id integer PRIMARY KEY); CREATE VIEW v AS SELECT 1 AS one`,
    )
    await withSession(database.url, async (session) => {
      await session.execute('BEGIN ISOLATION LEVEL REPEATABLE READ')
      if ((await installedMajor()) < majorVersion) {
        await expect(runInstalledPgDump(session, ARGS)).rejects.toMatchObject({
          code: 'POSTGRES_UNSUPPORTED',
          data: { expected: `pg_dump ${majorVersion} or newer` },
        })
        return
      }
      const outcome = await runInstalledPgDump(session, ARGS)
      if (outcome.kind !== 'dumped') throw new Error(JSON.stringify(outcome))
      const bundled = await dumpSchema(session)
      expect(namesIn(outcome.archive)).toEqual(namesIn(bundled.archive))

      await session.execute('CREATE TABLE uncommitted ()')
      await expect(runInstalledPgDump(session, ARGS)).rejects.toMatchObject({
        code: 'POSTGRES_UNSUPPORTED',
      })
    })
  })
})

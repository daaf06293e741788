/**
 * Several COPYs that are sent as one query, on real servers: what each gives, and what is left when
 * one fails or the reader goes.
 */
import { expect, test } from 'vitest'
import { isSnapError } from '../../../src/errors.ts'
import type { Session } from '../../../src/postgres/session.ts'
import { createDatabase, oldestAndNewestMajor } from '../../support/postgres.ts'
import { withSession } from './sessions.ts'

const ENDLESS = `COPY (SELECT repeat('x', 1000), generate_series(1, 100000000)) TO STDOUT`

const codeOf = (error: unknown) => (isSnapError(error) ? error.code : error)

/** What each statement gives, up to the one that fails. */
async function readEach(session: Session, statements: readonly string[]) {
  const found: string[] = []
  try {
    for await (const rows of session.copyOuts(statements)) {
      found.push('')
      for await (const piece of rows) found.push(found.pop() + String(piece))
    }
  } catch (error) {
    return { found, error }
  }
  return { found }
}

oldestAndNewestMajor((major) => {
  test('each COPY of several gives what it gives by itself', async () => {
    const database = await createDatabase(major)
    await database.query(`
      CREATE TABLE empty (n int); CREATE TABLE columnless (); CREATE TABLE wide (t text);
      INSERT INTO columnless SELECT FROM generate_series(1, 3);
      INSERT INTO wide SELECT repeat('wide', 300000) FROM generate_series(1, 4)`)
    const statements = [
      'COPY empty (n) TO STDOUT',
      'COPY columnless TO STDOUT',
      'COPY wide TO STDOUT',
      ...Array.from(
        { length: 200 },
        (_, i) => `COPY (SELECT generate_series(1, ${i})) TO STDOUT -- ${i} rows`,
      ),
      'COPY empty TO STDOUT',
    ]
    await withSession(database.url, async (session) => {
      const { found, error } = await readEach(session, statements)
      expect(error).toBeUndefined()

      const each: string[] = []
      for (const statement of statements) {
        const pieces: Buffer[] = []
        for await (const piece of session.copyOut(statement)) pieces.push(piece)
        each.push(Buffer.concat(pieces).toString())
      }
      expect(found.map((text) => text.length)).toEqual(each.map((text) => text.length))
      expect(found.every((text, i) => text === each[i])).toBe(true)
      expect(found.slice(0, 2)).toEqual(['', '\n\n\n'])
    })
  })

  test('an error in one COPY is thrown among its rows, and those after it are not run', async () => {
    const database = await createDatabase(major)
    await withSession(database.url, async (session) => {
      await session.execute('BEGIN')
      const { found, error } = await readEach(session, [
        'COPY (SELECT 1) TO STDOUT',
        'COPY (SELECT 1 / (3 - g) FROM generate_series(1, 9) g) TO STDOUT',
        'COPY (SELECT 2) TO STDOUT',
      ])
      expect(found.map((text) => text.split('\n')[0])).toEqual(['1', '0'])
      expect(error).toMatchObject({ code: 'POSTGRES_REFUSED', data: { sqlState: '22012' } })
      expect(session.transactionState).toBe('failed')

      await session.execute('ROLLBACK')
      const refused = await readEach(session, [
        'COPY (SELECT 1) TO STDOUT',
        'COPY nonexistent TO STDOUT',
        'COPY (SELECT 2) TO STDOUT',
      ])
      expect(refused).toMatchObject({ found: ['1\n', ''], error: { code: 'POSTGRES_REFUSED' } })
      expect(await session.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
    })
  })

  test('a loop over several that is left early cancels them, and the session goes on', async () => {
    const database = await createDatabase(major)
    await withSession(database.url, async (session) => {
      for (const readCount of [1, 2, 3]) {
        const short = Array.from({ length: 5 }, () => 'COPY (SELECT 1) TO STDOUT')
        let left = readCount
        for await (const rows of session.copyOuts([short[0]!, ENDLESS, ...short])) {
          await rows.next()
          if (--left <= 1) break
        }
        expect(await session.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
      }
    })
  })

  test('an aborted signal stops them in the middle', async () => {
    const database = await createDatabase(major)
    const controller = new AbortController()
    const { signal } = controller
    await withSession(
      database.url,
      async (session) => {
        let copyCount = 0
        const reading = (async () => {
          for await (const rows of session.copyOuts(['COPY (SELECT 1) TO STDOUT', ENDLESS])) {
            copyCount++
            for await (const _ of rows) if (copyCount === 2) controller.abort()
          }
        })()
        expect(await reading.catch(codeOf)).toBe('ABORTED')
        expect(copyCount).toBe(2)
      },
      { signal },
    )
  })
})

/**
 * The script of `snap diff --sql`, run by psql on a database in the first state, gives the second
 * by pg_dump: over every migration of the corpus, there and back.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readCommittedState } from '../../../src/diff/database-state.ts'
import { planTransition } from '../../../src/export/plan-transition.ts'
import { formatTransition } from '../../../src/export/transition-script.ts'
import type { ObjectId } from '../../../src/format/values.ts'
import type { Store } from '../../../src/store.ts'
import { createDatabase, eachMajor, type TestDatabase } from '../../support/postgres.ts'
import { commitDatabase, memoryStore } from '../../support/session.ts'
import { groupTransitions, listTransitions, type Transition } from '../../support/transitions.ts'
import { describeDifference, dumpWith } from '../../support/witness.ts'

/** What the script cannot do yet, by case and direction, and why. One that works fails the test. */
const KNOWN_GAPS: Readonly<Record<string, string>> = {}

const GROUP_SIZE = 12

let scratchDirectory: string
beforeAll(async () => {
  scratchDirectory = await mkdtemp(join(tmpdir(), 'snap-transition-'))
})
afterAll(() => rm(scratchDirectory, { recursive: true }))

eachMajor((major) => {
  const hasGap = ({ name }: Transition) =>
    Object.keys(KNOWN_GAPS).some((gap) => gap.startsWith(`${name} `))
  const all = listTransitions()
  const whole = groupTransitions(
    all.filter((each) => !hasGap(each)),
    GROUP_SIZE,
  )
  const single = all.filter(hasGap).map((each) => [each])
  test.each(
    [...whole, ...single].map((cases): [string, Transition[]] => [
      cases.map(({ name }) => name).join(', '),
      cases,
    ]),
  )('there and back: %s', async (_, cases) => {
    const database = await createDatabase(major)
    await prepareRoles(database)
    const store = await memoryStore()
    for (const { namespace, a } of cases) {
      await database.query(`CREATE SCHEMA ${namespace}; SET search_path = ${namespace}; ${a}`)
    }
    const first = await stateOf(major, store, database)
    const copy = await createDatabase(major, { template: database.name })
    for (const { namespace, b } of cases) {
      await database.query(`SET search_path = ${namespace}; ${b}`)
    }
    const second = await stateOf(major, store, database)

    for (const [direction, from, to] of [
      ['there', first, second],
      ['back', second, first],
    ] as const) {
      const gap = KNOWN_GAPS[`${cases[0]!.name} ${direction}`]
      const failure = await apply(store, copy, from.commitId, to.commitId)
      const found =
        failure ??
        describeDifference(to.dump, await dumpWith(major, copy.url, { rowOrder: 'sorted' }))
      if (gap === undefined) expect({ direction, found }).toEqual({ direction, found: undefined })
      else expect(found, `'${cases[0]!.name} ${direction}' works now: ${gap}`).toBeDefined()
      if (found !== undefined) break
    }
    await copy.drop()
    await database.drop()
  })
})

async function stateOf(major: number, store: Store, database: TestDatabase) {
  const { commitId } = await commitDatabase(store, database.url)
  return { commitId, dump: await dumpWith(major, database.url, { rowOrder: 'sorted' }) }
}

/** @returns  what psql complained of */
async function apply(
  store: Store,
  database: TestDatabase,
  from: ObjectId,
  to: ObjectId,
): Promise<string | undefined> {
  const before = await readCommittedState(store, from)
  const after = await readCommittedState(store, to)
  const transition = await planTransition(before, after, { scratchDirectory })
  expect(transition.leftOut).toEqual([])
  const statements: string[] = []
  for await (const statement of formatTransition(
    transition,
    { before, after },
    { scratchDirectory },
  )) {
    statements.push(statement)
  }
  const client = spawn(
    'psql',
    ['--no-psqlrc', '--quiet', '-v', 'ON_ERROR_STOP=1', `--dbname=${database.url}`],
    { stdio: ['pipe', 'ignore', 'pipe'] },
  )
  let complaints = ''
  client.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  client.stdin.on('error', () => {
    // psql stopped at an error, which its exit reports.
  })
  client.stdin.end(statements.join('\n'))
  const [exitCode] = await once(client, 'close')
  return exitCode === 0 ? undefined : complaints
}

async function prepareRoles(database: TestDatabase): Promise<void> {
  const make = ['snap_reader', 'snap_other', 'snap_plain_owner'].map(
    (role) =>
      `BEGIN CREATE ROLE ${role} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;`,
  )
  await database.query(`DO $$ BEGIN ${make.join('\n')} END $$`)
}

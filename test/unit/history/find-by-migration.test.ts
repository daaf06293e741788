import { beforeAll, describe, expect, test } from 'vitest'
import type { ObjectId } from '../../../src/format/values.ts'
import { resolveRevision } from '../../../src/history/revisions.ts'
import type { Store } from '../../../src/store.ts'
import { ada, commitToMain, memoryStore, noon, writeCommit } from '../../support/store.ts'

const at = (minutes: number, ...migrations: [tool: string, ...heads: string[]][]) => ({
  createdAt: new Date(noon.getTime() + minutes * 60_000),
  migrations: migrations.map(([tool, ...heads]) => ({ tool, table: 't', heads })),
})

let store: Store
const made: Record<string, ObjectId> = {}
beforeAll(async () => {
  store = await memoryStore()
  const commits: [string, ReturnType<typeof at>][] = [
    ['first', at(1, ['alembic', 'ae1027a6acf'], ['goose', '1'])],
    ['again', at(2, ['alembic', 'ae1027a6acf'], ['goose', '12'])],
    ['branched', at(3, ['alembic', '1975ea83b712', 'b1f03d22c9e'], ['goose', '1200'])],
    ['newest', at(4, ['alembic', '1975ff'], ['prisma', '20240101_init'], ['rails', '1200'])],
  ]
  for (const [name, options] of commits) made[name] = await commitToMain(store, {}, options)
  const safety = at(9, ['alembic', 'ae1027a6acf'])
  made.safety = await writeCommit(store, {}, { parentIds: [], ...safety })
  const reason = { kind: 'commit', message: 'x' } as const
  const moved = { author: ada, at: noon, expected: null, reason }
  await store.refs.move({ name: 'refs/snap/safety', next: made.safety, ...moved })
})

const nameOf = (id: ObjectId) => Object.keys(made).find((name) => made[name] === id)
const find = async (wanted: string) => nameOf(await resolveRevision(store, `migration:${wanted}`))

describe('a migration names the newest commit that was at it', () => {
  test.each([
    ['ae1027a6acf', 'again'],
    ['ae10', 'again'],
    ['alembic:ae1027', 'again'],
    ['1', 'first'],
    ['12', 'again'],
    ['b1f0', 'branched'],
    ['1975e', 'branched'],
    ['prisma:20240101_init', 'newest'],
    ['2024', 'newest'],
    ['rails:1200', 'newest'],
    ['goose:1200', 'branched'],
  ])('%s', async (wanted, commit) => expect(await find(wanted)).toBe(commit))
})

test('several migrations that begin so, or of several tools, are listed and refused', async () => {
  await expect(find('1975')).rejects.toMatchObject({
    code: 'REVISION_AMBIGUOUS',
    data: { candidates: ['alembic:1975ea83b712', 'alembic:1975ff'] },
  })
  await expect(find('1200')).rejects.toMatchObject({
    code: 'REVISION_AMBIGUOUS',
    data: { candidates: ['goose:1200', 'rails:1200'] },
  })
})

test('a beginning of less than four characters, and what no commit was at, name nothing', async () => {
  for (const wanted of ['ae1', '2', 'alembic', 'alembic:', 'prisma:ae10', '']) {
    await expect(find(wanted)).rejects.toMatchObject({ code: 'REVISION_UNKNOWN' })
  }
})

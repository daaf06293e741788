import { beforeAll, describe, expect, test } from 'vitest'
import type { ObjectId } from '../../../src/format/values.ts'
import { resolveRevision } from '../../../src/history/revisions.ts'
import { walkCommits } from '../../../src/history/walk-commits.ts'
import { moveHead, readHead } from '../../../src/refs/head.ts'
import type { Store } from '../../../src/store.ts'
import { ada, commitToMain, memoryStore, noon, writeCommit } from '../../support/store.ts'

const minutesAfterNoon = (minutes: number) => new Date(noon.getTime() + minutes * 60_000)

/*
 *   first -- second -- merge (main)
 *      \              /
 *       side --------     tag v1 = first, branch and tag "both"
 */
let store: Store
let first: ObjectId
let second: ObjectId
let side: ObjectId
let merge: ObjectId
beforeAll(async () => {
  store = await memoryStore()
  const at = (minutes: number) => ({ createdAt: minutesAfterNoon(minutes) })
  first = await commitToMain(store, { t: ['1\n'] }, at(1))
  side = await writeCommit(store, { t: ['side\n'] }, { parentIds: [first], ...at(2) })
  second = await commitToMain(store, { t: ['2\n'] }, at(3))
  merge = await commitToMain(store, { t: ['3\n'] }, { parentIds: [second, side], ...at(60) })
  await createRef('refs/tags/v1', first)
  await createRef('refs/heads/both', second)
  await createRef('refs/tags/both', first)
  await createRef('refs/heads/feature/x', side)
})

const resolve = (text: string, now = noon) => resolveRevision(store, text, { now })

describe('a revision names', () => {
  const cases: [string, () => ObjectId][] = [
    ['HEAD', () => merge],
    ['@', () => merge],
    ['main', () => merge],
    ['heads/main', () => merge],
    ['refs/heads/main', () => merge],
    ['v1', () => first],
    ['tags/v1', () => first],
    ['both', () => first],
    ['heads/both', () => second],
    ['feature/x', () => side],
    ['HEAD~', () => second],
    ['HEAD~1', () => second],
    ['HEAD~2', () => first],
    ['HEAD~0', () => merge],
    ['HEAD^', () => second],
    ['HEAD^1', () => second],
    ['HEAD^2', () => side],
    ['HEAD^0', () => merge],
    ['HEAD^^', () => first],
    ['HEAD^2~1', () => first],
    ['@~1^', () => first],
    ['main@{0}', () => merge],
    ['main@{1}', () => second],
    ['main@{2}', () => first],
    ['@{1}', () => second],
    ['main@{1}~1', () => first],
    ['main^{commit}', () => merge],
  ]
  test.each(cases)('%s', async (text, expected) => {
    expect(await resolve(text)).toBe(expected())
  })

  test('a tree, with ^{tree}', async () => {
    const { treeId } = await store.objects.readCommit(first)
    expect(await resolve('v1^{tree}')).toBe(treeId)
    expect(await resolve('HEAD~2^{tree}')).toBe(treeId)
  })

  test('a commit by its id, or by four or more of its first digits', async () => {
    expect(await resolve(side)).toBe(side)
    expect(await resolve(`${side.slice(0, 10)}~1`)).toBe(first)
    expect(await resolve(side.slice(0, 4))).toBe(side)
  })

  test('any stored object by its whole id', async () => {
    const { treeId } = await store.objects.readCommit(first)
    expect(await resolve(treeId)).toBe(treeId)
    await expect(resolve(treeId.slice(0, 12))).rejects.toMatchObject({ code: 'REVISION_UNKNOWN' })
  })

  test.each([
    ['main@{2026-01-31T12:01:30Z}', () => first],
    ['main@{2026-01-31T12:03:00.000Z}', () => second],
    ['main@{now}', () => merge],
    ['main@{50 minutes ago}', () => second],
    ['main@{1 minute ago}', () => merge],
  ])('what a branch was at at a time: %s', async (text, expected) => {
    expect(await resolve(text, minutesAfterNoon(61))).toBe(expected())
  })
})

test.each([
  '',
  'nothing',
  'HEAD~9',
  'HEAD^3',
  'v1~1',
  'main@{3}',
  'main@{soon}',
  'main@{2020-01-01}',
  'nothing@{1}',
  'abc',
  'HEAD^{blob}',
  'HEAD~x',
  'a..b',
  'f'.repeat(64),
])('%j is unknown, and the error carries it and a hint', async (text) => {
  await expect(resolve(text)).rejects.toMatchObject({
    code: 'REVISION_UNKNOWN',
    data: { revision: text },
    hint: expect.any(String),
  })
})

test('HEAD of a branch without commits is unknown, and the hint says what to do', async () => {
  await expect(resolveRevision(await memoryStore(), 'HEAD')).rejects.toMatchObject({
    code: 'REVISION_UNKNOWN',
    message: expect.stringContaining('refs/heads/main'),
    hint: "run 'snap commit' to make one",
  })
})

test('a prefix of several commits is ambiguous, and all of them are named', async () => {
  const many = await memoryStore()
  const ids: ObjectId[] = []
  // Of 65,536 prefixes 800 commits are expected to share 5; their ids are the same in every run.
  for (let i = 0; i < 800; i++) ids.push(await writeCommit(many, {}, { message: `${i}` }))
  const byPrefix = new Map<string, ObjectId[]>()
  for (const id of ids) {
    const prefix = id.slice(0, 4)
    byPrefix.set(prefix, [...(byPrefix.get(prefix) ?? []), id])
  }
  const [prefix, candidates] = [...byPrefix].find(([, sharing]) => sharing.length > 1)!

  await expect(resolveRevision(many, prefix)).rejects.toMatchObject({
    code: 'REVISION_AMBIGUOUS',
    data: { revision: prefix, candidates: candidates.toSorted() },
  })
})

test('HEAD@{n} is the log of HEAD itself, also where HEAD is detached', async () => {
  const moved = await memoryStore()
  const one = await commitToMain(moved, { t: ['1\n'] })
  const two = await commitToMain(moved, { t: ['2\n'] })
  for (const id of [one, two]) {
    const expected = await readHead(moved.refs)
    const reason = { kind: 'commit', message: '' } as const
    const next = { targetRef: null, id }
    await moveHead(moved.refs, { expected, next, reason, author: ada, at: noon })
  }

  expect(await resolveRevision(moved, 'HEAD@{0}')).toBe(two)
  expect(await resolveRevision(moved, 'HEAD@{1}')).toBe(one)
  expect(await resolveRevision(moved, '@{1}')).toBe(one)
  await expect(resolveRevision(moved, 'HEAD@{2}')).rejects.toMatchObject({
    code: 'REVISION_UNKNOWN',
  })
})

test('commits are walked newest first, each once, parents after children', async () => {
  const walked = []
  for await (const { id } of walkCommits(store, [merge, second])) walked.push(id)

  expect(walked).toEqual([merge, second, side, first])
})

test('a walk stops when it is asked to', async () => {
  const controller = new AbortController()
  const walk = walkCommits(store, [merge], { signal: controller.signal })
  const walked: ObjectId[] = []
  const walking = (async () => {
    for await (const { id } of walk) {
      walked.push(id)
      controller.abort()
    }
  })()

  await expect(walking).rejects.toMatchObject({ code: 'ABORTED' })
  expect(walked).toEqual([merge])
})

async function createRef(name: string, next: ObjectId): Promise<void> {
  const reason = { kind: 'branch', message: '' } as const
  await store.refs.move({ name, expected: null, next, reason, author: ada, at: noon })
}

import { deepEqual, equal, match } from 'node:assert/strict'
import { readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, test } from 'vitest'
import type { InputStream } from '../../cli/io.ts'
import { LocalBackend } from '../../src/backend/local-backend.ts'
import type { ObjectId } from '../../src/format/values.ts'
import { lockStore } from '../../src/maintenance/store-lock.ts'
import { initStore } from '../../src/store.ts'
import { ada, commitToMain, noon } from '../support/store.ts'
import { NOW, type Outcome, type RunOptions, runSnap, temporaryDirectory } from './run-snap.ts'

const HOUR_MS = 3_600_000

/** A store of four commits, two on the last day, all of it written long ago. */
async function storeOfFour() {
  const workingDirectory = await temporaryDirectory()
  const location = join(workingDirectory, '.snap')
  const backend = await LocalBackend.create(location)
  const store = await initStore(backend, { author: ada, at: noon })
  const commit = (message: string, hoursBeforeNow: number) =>
    commitToMain(
      store,
      { users: ['in all\n', `${message}\n`.repeat(100)] },
      { message, createdAt: new Date(NOW.getTime() - hoursBeforeNow * HOUR_MS) },
    )
  const ids: ObjectId[] = []
  for (const [message, hours] of [
    ['one', 72],
    ['two', 48],
    ['three', 4],
    ['four', 2],
  ] as const) {
    ids.push(await commit(message, hours))
  }
  const [one, two, three, four] = ids.map((id) => id.slice(0, 12))
  await agePacks(location)
  const snap = (argv: readonly string[], options: RunOptions = {}): Promise<Outcome> =>
    runSnap(argv, { workingDirectory, ...options })
  return { snap, backend, location, ids, one, two, three, four }
}

async function agePacks(location: string): Promise<void> {
  const past = new Date(Date.now() - 5 * HOUR_MS)
  for (const folder of await readdir(join(location, 'packs'))) {
    for (const name of await readdir(join(location, 'packs', folder))) {
      await utimes(join(location, 'packs', folder, name), past, past)
    }
  }
}

const lines = (text: string) => text.trimEnd().split('\n')

describe('snap prune --dry-run', () => {
  test('prints each commit with its reasons, newest first, and changes nothing', async () => {
    const { snap, one, two, three, four } = await storeOfFour()
    await snap(['pin', 'HEAD~3', '-m', 'the first'])
    const before = await snap(['log', '--oneline'])

    const { exitCode, stdout, stderr } = await snap([
      'prune',
      '--keep-last',
      '1',
      '--keep-daily',
      '2',
      '--dry-run',
      '-q',
    ])
    deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' })
    deepEqual(lines(stdout).slice(0, 5), [
      `keep    ${four}  2026-03-01 10:00Z  four   HEAD, tip of main, last 1, daily 2026-03-01`,
      `remove  ${three}  2026-03-01 08:00Z  three`,
      `keep    ${two}  2026-02-27 12:00Z  two    daily 2026-02-27`,
      `keep    ${one}  2026-02-26 12:00Z  one    pinned: the first`,
      '1 commit to remove, 3 kept',
    ])
    match(
      stdout,
      /^Would reclaim about [\d.]+ (B|KiB) in \d+ objects: \d+ packs removed, \d+ written again; [\d.]+ KiB in 8 packs now$/m,
    )
    deepEqual(await snap(['log', '--oneline']), before)
  })

  test('under --json is one document with every commit, its reasons and what happens to each pack', async () => {
    const { snap, ids } = await storeOfFour()
    const { stdout } = await snap(['prune', '--keep-last', '1', '--dry-run', '--json'])
    const { plan, result } = JSON.parse(stdout)

    equal(result, null)
    deepEqual(Object.keys(plan), ['policy', 'at', 'commits', 'removedRefs', 'gc'])
    deepEqual(plan.commits[0], {
      commitId: ids[3],
      createdAt: '2026-03-01T10:00:00.000Z',
      message: 'four',
      purpose: 'user',
      isKept: true,
      reasons: [
        { kind: 'head' },
        { kind: 'tip', refName: 'refs/heads/main' },
        { kind: 'last', line: 'main', place: 1 },
      ],
    })
    deepEqual(
      plan.commits.map(({ isKept }: { isKept: boolean }) => isKept),
      [true, false, false, false],
    )
    equal(plan.gc.packs.length, 8)
  })
})

describe('snap prune', () => {
  test('removes, reclaims, and the history says so', async () => {
    const { snap, one, four } = await storeOfFour()
    await snap(['tag', 'v1', 'HEAD~3'])
    const { exitCode, stdout, stderr } = await snap(['prune', '--keep-last', '1', '-y'])
    equal(exitCode, 0)
    match(stderr, /^2 commits to remove, 2 kept$/m)
    match(stdout, /^Removed 2 commits\nReclaimed [\d.]+ (B|KiB): \d+ packs removed, \d+ written; /)

    deepEqual(lines((await snap(['log', '--oneline'])).stdout), [
      `${four} (HEAD -> main) four`,
      '… 2 commits pruned here',
      `${one} (tag: v1) one`,
    ])
    match(
      (await snap(['log'])).stdout,
      /\n\n… 2 commits pruned here\n\ncommit [0-9a-f]{64} \(tag: v1\)/,
    )
    const [newest] = lines((await snap(['log', '--json'])).stdout).map((line) => JSON.parse(line))
    equal(newest.prunedCount, 2)
    match((await snap(['fsck'])).stdout, /^No problems found: 2 commits, 2 pruned, /)
    equal((await snap(['show'])).exitCode, 0)
  })

  test('a commit that was pruned is named as such, wherever it is asked for', async () => {
    const { snap, ids } = await storeOfFour()
    await snap(['prune', '--keep-last', '1', '-y'])
    for (const argv of [
      ['show', 'HEAD~1'],
      ['log', 'main@{1}'],
      ['rev-parse', ids[1]!.slice(0, 8)],
      ['tag', 'late', ids[1]!],
      ['pin', ids[1]!],
    ]) {
      const { exitCode, stderr } = await snap(argv)
      equal(exitCode, 2, argv.join(' '))
      match(stderr, /^fatal: commit '[0-9a-f]{12}' is gone: it was pruned on 2026-03-01\nhint: /)
    }
    equal((await snap(['reflog', 'main'])).exitCode, 0)
  })

  test('without a rule is refused, also with --keep-safety alone', async () => {
    const { snap } = await storeOfFour()
    for (const argv of [
      ['prune'],
      ['prune', '--keep-safety', '1d', '-y'],
      ['prune', '--dry-run'],
    ]) {
      deepEqual(await snap(argv), {
        exitCode: 2,
        stdout: '',
        stderr:
          'fatal: which commits to keep is missing\n' +
          'hint: say what to keep, for example --keep-last 7 --keep-daily 30\n',
      })
    }
  })

  test.each([
    [['--keep-last', '0'], /'0' is invalid. It must be a whole number of at least 1/],
    [['--keep-daily', 'many'], /'many' is invalid/],
    [['--keep-within', '14'], /'14' is invalid. Write it as '90min', '26h', '14d' or '2w'/],
    [['--keep-last', '1', '--time-zone', 'Mars/Olympus'], /there is no time zone 'Mars\/Olympus'/],
  ])('%j is a usage error', async (argv, message) => {
    const { snap } = await storeOfFour()
    const { exitCode, stderr } = await snap(['prune', ...argv])
    equal(exitCode, 2)
    match(stderr, message)
  })

  test('without a terminal and without -y nothing is removed, and the plan is shown, however quiet', async () => {
    const { snap } = await storeOfFour()
    const { exitCode, stdout, stderr } = await snap(['prune', '--keep-last', '1', '-q'])
    deepEqual({ exitCode, stdout }, { exitCode: 7, stdout: '' })
    match(stderr, /^3 commits to remove, 1 kept$/m)
    match(stderr, /^fatal: cannot ask for a confirmation: no terminal\nhint: pass -y to confirm$/m)
    equal((await snap(['show', 'HEAD~3'])).exitCode, 0)
  })

  test.each([
    ['y', 0],
    ['n', 7],
    ['\u0003', 130],
    ['\u0004', 130],
  ])('asked, %j ends with %i', async (key, expected) => {
    const { snap } = await storeOfFour()
    const options = { isTerminal: true, stdin: terminalWith(key) }
    const { exitCode, stderr } = await snap(['prune', '--keep-last', '1'], options)
    equal(exitCode, expected)
    match(stderr, /Remove 3 commits for good\?/)
    equal((await snap(['show', 'HEAD~1'])).exitCode, expected === 0 ? 2 : 0)
  })

  test.each([0, 3])(
    'a terminal that says it has %i columns is asked in whole words',
    async (columns) => {
      const { snap } = await storeOfFour()
      const options = { isTerminal: true, columns, stdin: terminalWith('n') }
      const { exitCode, stderr } = await snap(['prune', '--keep-last', '1'], options)
      equal(exitCode, 7)
      match(stderr, /Remove 3 commits for good\?/)
    },
  )

  test('asked, and the terminal ends, ends with 130', async () => {
    const { snap } = await storeOfFour()
    const stdin = terminalWith('')
    stdin.setRawMode = (isRaw) => {
      if (isRaw) setImmediate(() => stdin.push(null))
      return stdin
    }
    const { exitCode } = await snap(['prune', '--keep-last', '1'], { isTerminal: true, stdin })
    equal(exitCode, 130)
    equal((await snap(['show', 'HEAD~1'])).exitCode, 0)
  })

  test('where nothing is to go nobody is asked', async () => {
    const { snap } = await storeOfFour()
    const { exitCode, stdout } = await snap(['prune', '--keep-last', '9'])
    equal(exitCode, 0)
    match(stdout, /^Removed 0 commits\nNothing to reclaim; /)
  })

  test('while another process works on the store it ends with 5', async () => {
    const { snap, backend } = await storeOfFour()
    const lock = await lockStore(backend, { operation: 'commit', mode: 'shared' })
    for (const argv of [['prune', '--keep-last', '1', '-y'], ['gc']]) {
      const { exitCode, stderr } = await snap([...argv, '-q'])
      equal(exitCode, 5)
      match(stderr, /the store is locked by 'commit', process \d+/)
    }
    await lock.release()
  })

  test('under --json is the plan and what was done', async () => {
    const { snap, ids } = await storeOfFour()
    await snap(['tag', 'try', 'HEAD~2'])
    const { stdout, stderr } = await snap([
      'prune',
      '--keep-last',
      '1',
      '--keep-tag',
      'v*',
      '-y',
      '--json',
    ])
    const { result } = JSON.parse(stdout)
    equal(stderr, '')
    deepEqual(result.removedCommitIds, [ids[2], ids[1], ids[0]])
    deepEqual(result.removedRefs, ['refs/tags/try'])
    deepEqual(Object.keys(result.gc), [
      'removedPackCount',
      'newPackCount',
      'reclaimedSizeBytes',
      'leftovers',
      'damagedPackKeys',
    ])
  })
})

describe('snap gc', () => {
  test('finds nothing in a sound store', async () => {
    const { snap } = await storeOfFour()
    const { exitCode, stdout } = await snap(['gc'])
    equal(exitCode, 0)
    match(stdout, /^Nothing to reclaim; [\d.]+ KiB in 8 packs\n$/)
  })

  test('leaves young packs alone, says so, and takes them when told to', async () => {
    const { snap, location } = await storeOfFour()
    await snap(['prune', '--keep-last', '1', '--grace', '9h', '-y'])
    match(
      (await snap(['gc', '--grace', '9h'])).stdout,
      /^[\d.]+ (B|KiB) more is not needed but stays for now/m,
    )
    const { stdout } = await snap(['gc', '--dry-run', '--json'])
    const { plan } = JSON.parse(stdout)
    equal(
      plan.packs.filter(({ action }: { action: string }) => action === 'delete').length > 0,
      true,
    )
    match((await snap(['gc'])).stdout, /^Reclaimed /)
    await agePacks(location)
    match((await snap(['fsck'])).stdout, /^No problems found: 1 commit, 3 pruned, /)
  })

  test('removes what killed commands left unfinished, once it is old', async () => {
    const { snap, location } = await storeOfFour()
    await writeFile(join(location, 'tmp', '00ff'), 'half a pack')
    equal(lines((await snap(['gc'])).stdout).length, 1)
    const past = new Date(Date.now() - 5 * HOUR_MS)
    await utimes(join(location, 'tmp', '00ff'), past, past)
    match(
      (await snap(['gc'])).stdout,
      /^Removed 1 file that killed commands left unfinished, 11 B$/m,
    )
    deepEqual(await readdir(join(location, 'tmp')), [])
  })

  test('refuses a store in which it cannot tell what is needed', async () => {
    const { snap, backend } = await storeOfFour()
    for await (const { key } of backend.list('packs/')) await backend.remove(key)
    const { exitCode, stderr } = await snap(['gc', '-q'])
    equal(exitCode, 4)
    match(stderr, /^fatal: object '[0-9a-f]{12}' is missing\nhint: run 'snap fsck'/)
  })
})

describe('snap pin', () => {
  test('pins, lists with the reason, and unpins', async () => {
    const { snap, ids, two } = await storeOfFour()
    deepEqual(await snap(['pin', 'HEAD~2', '-m', 'before the move']), {
      exitCode: 0,
      stdout: '',
      stderr: `${two} is pinned\n`,
    })
    match((await snap(['pin', two!])).stderr, /was pinned already/)
    equal((await snap(['pin'])).stdout, `${two}  two  pinned just now: before the move\n`)
    const { pins } = JSON.parse((await snap(['pin', '--json'])).stdout)
    deepEqual(pins, [
      {
        commitId: ids[1],
        message: 'before the move',
        author: ada,
        pinnedAt: NOW.toISOString(),
        title: 'two',
      },
    ])
    match((await snap(['log', '--oneline'])).stdout, new RegExp(`^${two} \\(pinned\\) two$`, 'm'))
    deepEqual(JSON.parse((await snap(['unpin', two!, '--json'])).stdout), { commitId: ids[1] })
    equal((await snap(['pin'])).stdout, '')
    deepEqual(await snap(['unpin', two!]), {
      exitCode: 2,
      stdout: '',
      stderr: `fatal: commit '${two}' is not pinned\nhint: run 'snap pin' to list what is\n`,
    })
  })
})

/** A terminal at which somebody presses a key as soon as something is asked. */
function terminalWith(key: string): InputStream {
  const stdin: InputStream = new PassThrough()
  stdin.isTTY = true
  stdin.setRawMode = (isRaw) => {
    // Raw mode is when the question listens.
    if (isRaw) setImmediate(() => stdin.push(key))
    return stdin
  }
  return stdin
}

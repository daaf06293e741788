import { deepEqual, equal, match } from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { environment } from './run-snap.ts'
import { sampleHistory } from './sample-history.ts'

/** The graph and the message of each line. */
const withoutIds = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.replaceAll(/[0-9a-f]{12} /g, ''))

describe('snap log --graph', () => {
  test('draws a merge and where its lines began, ancestors below although their clocks were behind', async () => {
    const { snap } = await sampleHistory()
    const { stdout } = await snap(['log', '--graph', '--oneline'])
    deepEqual(withoutIds(stdout), [
      '*─┐ (HEAD -> main) merge',
      '│ * (topic) side',
      '* │ three',
      '* │ two',
      '*─┘ one',
    ])
  })

  test('writes whole entries beside the lines, and no more of them than wanted', async () => {
    const { snap, ids } = await sampleHistory()
    const { stdout } = await snap(['log', '--graph', '-n', '1'])
    deepEqual(stdout.split('\n'), [
      `*─┐ commit ${ids.merge} (HEAD -> main)`,
      `│ │ Parents:    ${ids.three.slice(0, 12)} ${ids.side.slice(0, 12)}`,
      '│ │ Author:     Ada <ada@example.org>',
      stdout.split('\n')[3],
      '│ │ Database:   shop, PostgreSQL 18.4',
      '│ │ Holds:      1 table, 2 rows, 8 B',
      '│ │',
      '│ │     merge',
      '',
    ])
    match(stdout, /^│ │ Date: {7}2026-03-01 .* \(1 hour ago\)$/m)
  })
})

describe('a range', () => {
  test.each([
    [['topic..main'], ['merge', 'two', 'three']],
    [
      ['main', '^topic'],
      ['merge', 'two', 'three'],
    ],
    [['main~1..'], ['merge', 'side']],
    [['main..topic'], []],
    [['^HEAD^2', '^HEAD~1'], ['merge']],
  ])('%j', async (revisions, messages) => {
    const { snap } = await sampleHistory()
    const { stdout, exitCode } = await snap(['log', '--json', ...revisions])
    const found = stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line).commit.message)
    deepEqual({ exitCode, found: found.sort() }, { exitCode: 0, found: [...messages].sort() })
  })

  test('has no lines to what it leaves out', async () => {
    const { snap } = await sampleHistory()
    const { stdout } = await snap(['log', '--graph', '--oneline', 'topic..main'])
    deepEqual(withoutIds(stdout), ['* (HEAD -> main) merge', '* three', '* two'])
  })

  test('of a revision that is not there is refused', async () => {
    const { snap } = await sampleHistory()
    const { exitCode, stderr } = await snap(['log', 'nowhere..main'])
    equal(exitCode, 2)
    match(stderr, /nowhere/)
  })
})

describe('hints', () => {
  test('say on stderr what to do next, and can be switched off', async () => {
    const { snap, workingDirectory } = await sampleHistory()
    deepEqual(await snap(['tag']), {
      exitCode: 0,
      stdout: '',
      stderr: "hint: there is no tag yet; 'snap tag NAME' names a commit\n",
    })
    const silent = { exitCode: 0, stdout: '', stderr: '' }
    deepEqual(await snap(['tag', '-q']), silent)
    deepEqual(await snap(['tag'], { environment: environment({ SNAP_HINTS: '0' }) }), silent)
    deepEqual((await snap(['tag', '--json'])).stderr, '')
    await writeFile(join(workingDirectory, 'snap.config.json'), '{ "hints": false }')
    deepEqual(await snap(['tag']), silent)
  })
})

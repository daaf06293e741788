import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { allMajors } from '../support/postgres.ts'
import { runSnap } from './run-snap.ts'
import { newWorkplace, type Workplace, WRECKAGE } from './workplace.ts'

/** Reads from a command's own help which keys its document has; `use` picks one where uses differ. */
async function documentedKeys(command: string, use?: string): Promise<string[]> {
  const { stdout } = await runSnap([command, '--help'])
  const section = stdout.slice(stdout.indexOf('JSON keys:'), stdout.indexOf('Exit codes:'))
  const lines = section.split('\n').map((line) => line.trim())
  const line = use === undefined ? lines[1] : lines.find((text) => text.startsWith(`${use}: `))
  return line!.slice(use === undefined ? 0 : use.length + 2).split(', ')
}

test('every command prints one document with the keys its help names', async () => {
  const { database, json, snap } = await newWorkplace(allMajors.at(-1)!)
  const keysOf = async (...argv: string[]) => Object.keys(await json(argv))

  deepEqual(await keysOf('init'), await documentedKeys('init'))
  deepEqual(await keysOf('commit', '-m', 'one'), await documentedKeys('commit'))
  deepEqual(await keysOf('show'), await documentedKeys('show'))
  deepEqual(await keysOf('log'), await documentedKeys('log'))
  deepEqual(await keysOf('tag', 'v1'), await documentedKeys('tag', 'make or delete'))
  deepEqual(await keysOf('tag'), await documentedKeys('tag', 'list'))
  deepEqual(await keysOf('tag', '-d', 'v1'), await documentedKeys('tag', 'make or delete'))
  deepEqual(await keysOf('branch', 'topic'), await documentedKeys('branch', 'make or delete'))
  deepEqual(await keysOf('branch'), await documentedKeys('branch', 'list'))
  deepEqual(await keysOf('rev-parse', 'HEAD'), await documentedKeys('rev-parse'))
  deepEqual(await keysOf('cat-object', 'HEAD'), await documentedKeys('cat-object'))
  deepEqual(await keysOf('stats'), await documentedKeys('stats'))
  deepEqual(await keysOf('fsck'), await documentedKeys('fsck'))
  deepEqual(await keysOf('pin', 'HEAD'), await documentedKeys('pin', 'pin'))
  deepEqual(await keysOf('pin'), await documentedKeys('pin', 'list'))
  deepEqual(await keysOf('unpin', 'HEAD'), await documentedKeys('unpin'))
  const prune = ['prune', '--keep-last', '1']
  deepEqual(await keysOf(...prune, '--dry-run'), await documentedKeys('prune'))
  deepEqual(await keysOf(...prune, '-y'), await documentedKeys('prune'))
  deepEqual(await keysOf('gc', '--dry-run'), await documentedKeys('gc'))
  deepEqual(await keysOf('gc'), await documentedKeys('gc'))
  deepEqual(await keysOf('status'), await documentedKeys('status'))
  deepEqual(await keysOf('check'), await documentedKeys('check'))
  deepEqual(await keysOf('diff'), await documentedKeys('diff', '--stat'))
  const exported = await keysOf('export', '--output', 'shop.sql')
  deepEqual(exported, await documentedKeys('export'))
  await database.query('DELETE FROM orders WHERE id = 1')
  const keysOfLine = async (...argv: string[]) => {
    const { stdout } = await snap(['--json', ...argv])
    return Object.keys(JSON.parse(stdout.split('\n')[0]!))
  }
  deepEqual(await keysOfLine('diff', '--rows'), await documentedKeys('diff', '--rows'))
  await database.query(WRECKAGE)
  deepEqual(await keysOfLine('diff', '--schema'), await documentedKeys('diff', '--schema'))
  const checkout = await documentedKeys('checkout')
  deepEqual(await keysOf('checkout', 'HEAD', '--dry-run'), checkout)
  deepEqual(await keysOf('checkout', 'HEAD', '-y'), checkout)
  deepEqual(await keysOf('undo', '-y'), checkout)
})

/** A shop with one commit, and fewer orders since. */
async function changedPlace(): Promise<Workplace> {
  const place = await newWorkplace(allMajors.at(-1)!)
  await place.succeed(['init'])
  await place.succeed(['commit', '-m', 'one'])
  await place.database.query('DELETE FROM orders WHERE id > 200')
  return place
}

test('a dry run tells the change of each table', async () => {
  const { json } = await changedPlace()
  const { plan, result } = await json(['checkout', 'HEAD', '--dry-run'])
  equal(result, null)
  equal(plan.isNoOp, false)
  const orders = plan.tables.find(({ name }: { name: string }) => name === 'orders')
  const { change, rowsBefore, rowsAfter } = orders
  deepEqual(
    { change, rowsBefore, rowsAfter },
    { change: 'changed', rowsBefore: 200, rowsAfter: 500 },
  )
})

test('log is one line a commit, newest first', async () => {
  const { succeed } = await changedPlace()
  await succeed(['commit', '-m', 'two'])
  const lines = (await succeed(['--json', 'log'])).trimEnd().split('\n')
  const entries = lines.map((line) => JSON.parse(line))
  deepEqual(
    entries.map(({ names, commit, totals }) => [names, commit.message, totals.rowCount]),
    [
      [['HEAD -> main'], 'two', 301],
      [[], 'one', 601],
    ],
  )
})

test('stderr is silent while all goes well', async () => {
  const { snap } = await changedPlace()
  const { exitCode, stderr } = await snap(['--json', 'checkout', 'HEAD', '-y'])
  deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' })
})

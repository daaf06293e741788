import { deepEqual, throws } from 'node:assert/strict'
import { describe, test } from 'vitest'
import type { HistoryEntry } from '../../../src/migrate/history-table.ts'
import { planMigrations, requireApplicable } from '../../../src/migrate/plan-migrations.ts'

/** `1` is a file whose checksum is `1`; `1=x` one that was edited since. */
const migration = (text: string) => {
  const [name, checksum = name] = text.split('=') as [string, string?]
  return {
    name,
    file: name,
    source: '',
    checksum: checksum!,
    isTransactional: true,
    statements: [],
  }
}
const entry = (text: string): HistoryEntry => ({
  name: text.replace('*', ''),
  checksum: text.replace('*', ''),
  state: text.endsWith('*') ? 'begun' : 'applied',
  isFaked: false,
  appliedAt: new Date(0),
})
const plan = (files: string[], history: string[], upTo?: string) =>
  planMigrations(files.map(migration), history.map(entry), { upTo })

describe('what is in the files and what is in the history say what each is', () => {
  test.each<[string, string[], string[], Record<string, string>]>([
    ['nothing', [], [], {}],
    ['nothing is applied', ['1', '2'], [], { 1: 'pending', 2: 'pending' }],
    ['all is applied', ['1', '2'], ['1', '2'], { 1: 'applied', 2: 'applied' }],
    ['one is new', ['9', '10'], ['9'], { 9: 'applied', 10: 'pending' }],
    ['one came late', ['1', '2', '3'], ['1', '3'], { 1: 'applied', 2: 'outOfOrder', 3: 'applied' }],
    ['one was edited', ['1=x', '2'], ['1'], { 1: 'changed', 2: 'pending' }],
    ['one is gone', ['2'], ['1'], { 1: 'missing', 2: 'pending' }],
    ['one was not finished', ['1', '2'], ['1', '2*'], { 1: 'applied', 2: 'unfinished' }],
    ['… and edited to be right', ['1=x'], ['1*'], { 1: 'unfinished' }],
  ])('%s', (_name, files, history, expected) => {
    const { statuses } = plan(files, history)
    deepEqual(Object.fromEntries(statuses.map(({ name, state }) => [name, state])), expected)
  })
})

test('what is pending is applied in order, up to where it is wished', () => {
  const names = (upTo?: string) =>
    plan(['1_a', '2_b', '10_c'], ['1_a'], upTo).pending.map(({ name }) => name)
  deepEqual(names(), ['2_b', '10_c'])
  deepEqual(names('2_b'), ['2_b'])
  deepEqual(names('2'), ['2_b'])
  throws(() => names('1'), { code: 'USAGE' })
  throws(() => names('7'), { code: 'USAGE' })
})

test('an edit, a file half-applied and a latecomer are refused, unless that is wished', () => {
  const edited = plan(['1=x', '2'], ['1'])
  throws(() => requireApplicable(edited), { code: 'MIGRATION_DRIFT' })
  requireApplicable(edited, { drift: true })
  const begun = plan(['1', '2'], ['1*'])
  throws(() => requireApplicable(begun), { code: 'MIGRATION_UNFINISHED' })
  requireApplicable(begun, { unfinished: true })
  const late = plan(['1', '2'], ['2'])
  throws(() => requireApplicable(late), { code: 'MIGRATION_OUT_OF_ORDER' })
  requireApplicable(late, { outOfOrder: true })
  requireApplicable(plan(['1', '2', '3'], ['2'], '3'), { outOfOrder: true })
  requireApplicable(plan(['1', '2'], ['1']))
})

import { deepEqual } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { findAlarms, rulesFor } from '../../../src/alarms/find-alarms.ts'
import { parseCondition } from '../../../src/alarms/parse-condition.ts'
import { DEFAULT_RULES, type Rules, type TableRules } from '../../../src/alarms/rules.ts'
import type { RowMeasures, TableMeasures } from '../../../src/alarms/table-measures.ts'

/** A table of two columns and 100 rows to which nothing happened but what is said. */
function table({
  rows = {},
  ...fields
}: Partial<Omit<TableMeasures, 'rows'>> & {
  rows?: Partial<RowMeasures> | null
} = {}): TableMeasures {
  const unchanged = { countBefore: 100, countAfter: 100, inserted: 0, deleted: 0, updated: 0 }
  return {
    namespace: 'public',
    name: 'users',
    existsBefore: true,
    existsAfter: true,
    renamedTo: null,
    columnsBefore: ['id', 'name'],
    columnsAfter: ['id', 'name'],
    rows: rows === null ? null : { ...unchanged, ...rows },
    isKeyless: false,
    ...fields,
  }
}

const rulesWith = (own: Partial<TableRules>): Rules => ({
  ...DEFAULT_RULES,
  tables: [{ pattern: 'users', rules: own }],
})

const shrunk = (countAfter: number) => table({ rows: { countAfter, deleted: 100 - countAfter } })
const gone = table({
  existsAfter: false,
  columnsAfter: [],
  rows: { countAfter: 0, deleted: 100 },
})

test('a table that was renamed is gone by its name, and its rows are not said to be', () => {
  const renamed = { ...gone, renamedTo: { namespace: 'old', name: 'people' } }
  const messages = findAlarms(DEFAULT_RULES, [renamed]).map(({ code, message }) => [code, message])
  deepEqual(messages, [['TABLE_GONE', 'public.users is gone: it is old.people now']])
  deepEqual(findAlarms(rulesWith({ mayGo: true }), [renamed]), [])
})

describe('rules and what happened, to alarms', () => {
  const anyLoss = { maxLossPercent: null }
  test.each<[string, Partial<TableRules>, TableMeasures, string[]]>([
    ['half lost, half allowed', {}, shrunk(50), []],
    ['more than half lost', {}, shrunk(49), ['ROWS_LOST']],
    ['all lost, any loss allowed', anyLoss, shrunk(0), []],
    ['one row lost, none allowed', { maxLossPercent: 0 }, shrunk(99), ['ROWS_LOST']],
    ['one row lost, shrinking not allowed', { mayShrink: false }, shrunk(99), ['TABLE_SHRUNK']],
    [
      'one row deleted and one inserted, shrinking not allowed',
      { mayShrink: false },
      table({ rows: { deleted: 1, inserted: 1 } }),
      [],
    ],
    [
      'one row deleted and one inserted, deleting not allowed',
      { mayDelete: false },
      table({ rows: { deleted: 1, inserted: 1 } }),
      ['ROWS_DELETED'],
    ],
    [
      'rows updated, updating not allowed',
      { mayUpdate: false },
      table({ rows: { updated: 3 } }),
      ['ROWS_UPDATED'],
    ],
    ['rows updated, allowed', {}, table({ rows: { updated: 100 } }), []],
    [
      'rows of a table without a key updated, updating not allowed',
      { mayUpdate: false },
      table({ isKeyless: true, rows: { deleted: 1, inserted: 1 } }),
      ['ROWS_DELETED'],
    ],
    [
      'rows of a table without a key updated, allowed',
      {},
      table({ isKeyless: true, rows: { deleted: 1, inserted: 1 } }),
      [],
    ],
    ['the table is gone', {}, gone, ['TABLE_GONE']],
    ['the table is gone, which is allowed', { mayGo: true }, gone, []],
    ['a column is gone', {}, table({ columnsAfter: ['id'] }), ['COLUMN_GONE']],
    ['both columns are gone', {}, table({ columnsAfter: ['key'] }), ['COLUMN_GONE', 'COLUMN_GONE']],
    [
      'a column is gone, which is allowed',
      { mayLoseColumns: true },
      table({ columnsAfter: ['id'] }),
      [],
    ],
    [
      'a new table is empty',
      {},
      table({ existsBefore: false, columnsBefore: [], rows: { countBefore: 0, countAfter: 0 } }),
      [],
    ],
    [
      'an empty table stays empty',
      { maxLossPercent: 0 },
      table({ rows: { countBefore: 0, countAfter: 0 } }),
      [],
    ],
    ['the rows are not held', { mayDelete: false }, table({ rows: null }), ['ROWS_NOT_COMPARED']],
    ['the rows are not held, and nobody asks', {}, table({ rows: null }), []],
    [
      'all at once',
      { mayShrink: false, mayDelete: false, mayUpdate: false },
      table({ columnsAfter: ['id'], rows: { countAfter: 10, deleted: 90, updated: 1 } }),
      ['COLUMN_GONE', 'ROWS_LOST', 'TABLE_SHRUNK', 'ROWS_DELETED', 'ROWS_UPDATED'],
    ],
  ])('%s', (_, rules, measures, codes) => {
    const found = findAlarms(rulesWith(rules), [measures]).map(({ code }) => code)
    deepEqual(found, codes)
  })
})

test('an alarm says both values and what is allowed', () => {
  deepEqual(findAlarms(DEFAULT_RULES, [shrunk(1)]), [
    {
      code: 'ROWS_LOST',
      severity: 'alarm',
      table: 'public.users',
      before: 100,
      after: 1,
      threshold: 50,
      message: 'public.users lost 99 % of its rows, from 100 rows to 1; the rules allow 50 %',
    },
  ])
})

test('of two patterns that match a table, the later one counts, for what it says', () => {
  const rules: Rules = {
    ...DEFAULT_RULES,
    tables: [
      { pattern: '*', rules: { maxLossPercent: 5, mayDelete: false } },
      { pattern: 'public.users', rules: { maxLossPercent: 90 } },
      { pattern: 'orders', rules: { mayGo: true } },
    ],
  }
  deepEqual(rulesFor(rules, { namespace: 'public', name: 'users' }), {
    ...DEFAULT_RULES.default,
    maxLossPercent: 90,
    mayDelete: false,
  })
})

test('a pattern that matches no table is noted, not taken for obeyed', () => {
  const rules: Rules = { ...DEFAULT_RULES, tables: [{ pattern: 'usres', rules: {} }] }
  const found = findAlarms(rules, [table()])
  deepEqual(
    found.map(({ code, severity, message }) => [code, severity, message]),
    [['RULE_MATCHES_NOTHING', 'note', "no table matches 'usres' of the rules"]],
  )
})

describe('conditions', () => {
  const orders = table({ name: 'orders', rows: { countAfter: 0, deleted: 100 } })
  const audit = table({ namespace: 'audit', name: 'users' })
  const unheld = table({ name: 'unheld', rows: null })
  const tables = [table(), orders, audit, unheld, { ...gone, name: 'gone' }]

  test.each<[string, string[]]>([
    ['users.rows < before', []],
    ['orders.rows < before * 0.9', ['CONDITION_MET']],
    ['orders.deleted > before * 100%', []],
    ['orders.deleted >= before * 100%', ['CONDITION_MET']],
    ['audit.users.rows = before', ['CONDITION_MET']],
    ['any.rows = 0', ['CONDITION_MET']],
    ['any.inserted > 0', []],
    ['gone.columns < before', ['CONDITION_MET']],
    ['gone.rows = 0 and gone.deleted = 100', ['CONDITION_MET']],
    ['not users.rows < before', ['CONDITION_MET']],
    ['users.rows < before or orders.rows < before', ['CONDITION_MET']],
    ['orders.rows / orders.rows < 5', []],
    ['orders.rows < users.rows', ['CONDITION_MET']],
    ['any.rows > users.rows', []],
    ['nowhere.rows < before', ['CONDITION_UNKNOWN']],
    ['unheld.rows < before', ['CONDITION_UNKNOWN']],
    ['unheld.columns < before', []],
  ])('%s', (condition, codes) => {
    const rules: Rules = {
      ...DEFAULT_RULES,
      default: { ...DEFAULT_RULES.default, maxLossPercent: null, mayGo: true },
      alarmIf: [parseCondition(condition)],
    }
    deepEqual(
      findAlarms(rules, tables).map(({ code }) => code),
      codes,
    )
  })

  test('one that came true says of which tables, with the values compared', () => {
    const rules: Rules = {
      ...DEFAULT_RULES,
      default: { ...DEFAULT_RULES.default, maxLossPercent: null, mayGo: true },
      alarmIf: [parseCondition('any.rows < before * 10%')],
    }
    deepEqual(
      findAlarms(rules, tables).map(({ message }) => message),
      [
        "'any.rows < before * 10%' has come true: public.orders, 0 against 10; public.gone, 0 against 10",
      ],
    )
  })
})

/**
 * Rules and measures → alarms. Pure.
 */
import { matchRelations } from '../schema/relation-pattern.ts'
import { formatCondition } from './condition.ts'
import { evaluateCondition } from './evaluate-condition.ts'
import type { Rules, TableRules } from './rules.ts'
import type { RowMeasures, TableMeasures } from './table-measures.ts'

export type AlarmCode =
  | 'TABLE_GONE'
  | 'COLUMN_GONE'
  | 'ROWS_LOST'
  | 'TABLE_SHRUNK'
  | 'ROWS_DELETED'
  | 'ROWS_UPDATED'
  | 'CONDITION_MET'
  | 'CONDITION_UNKNOWN'
  | 'ROWS_NOT_COMPARED'
  | 'RULE_MATCHES_NOTHING'

export interface Alarm {
  code: AlarmCode
  /** A note is worth knowing and no reason to stop. */
  severity: 'alarm' | 'note'
  /** `public.users`; null where no single table is meant. */
  table: string | null
  /** The number it is about, before and after; null where there is none. */
  before: number | null
  after: number | null
  /** What the rule allows at most; null where the rule is no number. */
  threshold: number | null
  /** For people. */
  message: string
}

/** Finds what the rules do not allow. Sorted by table; conditions and notes on the rules come last. */
export function findAlarms(rules: Rules, tables: readonly TableMeasures[]): Alarm[] {
  return [
    ...tables.flatMap((table) => findTableAlarms(table, rulesFor(rules, table))),
    ...rules.alarmIf.flatMap((condition) => {
      const text = formatCondition(condition)
      const { isMet, evidence, problems } = evaluateCondition(condition, tables)
      if (problems.length > 0) {
        const message = `'${text}' cannot be told: ${problems.join('; ')}`
        return [newAlarm('CONDITION_UNKNOWN', { message })]
      }
      if (!isMet) return []
      const [first] = evidence
      const grounds = evidence.map(({ comparison, table, left, right }) => {
        const part = condition.kind === 'comparison' ? '' : `${comparison} by `
        const where = table === null ? '' : `${nameOf(table)}, `
        return `${part}${where}${format(left)} against ${format(right)}`
      })
      return [
        newAlarm('CONDITION_MET', {
          table: evidence.length === 1 && first?.table ? nameOf(first.table) : null,
          message: `'${text}' has come true${grounds.length === 0 ? '' : `: ${grounds.join('; ')}`}`,
        }),
      ]
    }),
    ...rules.tables
      .filter(({ pattern }) => !tables.some(matchRelations([pattern])))
      .map(({ pattern }) =>
        newAlarm('RULE_MATCHES_NOTHING', {
          severity: 'note',
          message: `no table matches '${pattern}' of the rules`,
        }),
      ),
  ]
}

/** Returns what the rules say of one table. */
export function rulesFor(rules: Rules, table: { namespace: string; name: string }): TableRules {
  const matching = rules.tables.filter(({ pattern }) => matchRelations([pattern])(table))
  return Object.assign({}, rules.default, ...matching.map((each) => each.rules))
}

function findTableAlarms(table: TableMeasures, rules: TableRules): Alarm[] {
  if (!table.existsBefore) return []
  const name = nameOf(table)
  if (!table.existsAfter) {
    if (rules.mayGo) return []
    if (table.renamedTo !== null) {
      // Its rows did not go with it, but whoever reads it by this name finds none, and no rule watches it.
      const message = `${name} is gone: it is ${nameOf(table.renamedTo)} now`
      return [newAlarm('TABLE_GONE', { table: name, message })]
    }
    const before = table.rows?.countBefore ?? null
    const rows = before === null ? '' : `, and its ${formatRows(before)} with it`
    return [
      newAlarm('TABLE_GONE', { table: name, before, after: 0, message: `${name} is gone${rows}` }),
    ]
  }
  const columnAlarms = rules.mayLoseColumns ? [] : findGoneColumns(table)
  if (table.rows !== null)
    return [...columnAlarms, ...findRowAlarms(name, table.rows, table, rules)]
  const isAsked = !rules.mayDelete || !rules.mayUpdate || !rules.mayShrink
  return [
    ...columnAlarms,
    ...(isAsked
      ? [
          newAlarm('ROWS_NOT_COMPARED', {
            severity: 'note',
            table: name,
            message: `the rows of ${name} are not held by both states: no rule on them can be applied`,
          }),
        ]
      : []),
  ]
}

function findGoneColumns(table: TableMeasures): Alarm[] {
  const left = new Set(table.columnsAfter)
  return table.columnsBefore
    .filter((column) => !left.has(column))
    .map((column) =>
      newAlarm('COLUMN_GONE', {
        table: nameOf(table),
        before: table.columnsBefore.length,
        after: table.columnsAfter.length,
        message: `column ${column} of ${nameOf(table)} is gone`,
      }),
    )
}

function findRowAlarms(
  name: string,
  rows: RowMeasures,
  { isKeyless }: TableMeasures,
  rules: TableRules,
): Alarm[] {
  const { countBefore, countAfter, deleted, updated } = rows
  const counts = { table: name, before: countBefore, after: countAfter }
  const fromTo = `from ${formatRows(countBefore)} to ${format(countAfter)}`
  const lostPercent = countBefore === 0 ? 0 : ((countBefore - countAfter) / countBefore) * 100
  const alarms: Alarm[] = []
  if (rules.maxLossPercent !== null && lostPercent > rules.maxLossPercent) {
    alarms.push(
      newAlarm('ROWS_LOST', {
        ...counts,
        threshold: rules.maxLossPercent,
        message: `${name} lost ${formatPercent(lostPercent)} of its rows, ${fromTo}; the rules allow ${rules.maxLossPercent} %`,
      }),
    )
  }
  if (!rules.mayShrink && countAfter < countBefore) {
    const message = `${name} shrank ${fromTo}; the rules do not allow it to`
    alarms.push(newAlarm('TABLE_SHRUNK', { ...counts, threshold: countBefore, message }))
  }
  const orUpdated = isKeyless ? ' or updated (it has no key that tells which)' : ''
  // Without a key an update shows as a deletion beside an insertion.
  const isUpdateHidden = isKeyless && !rules.mayUpdate && rules.mayDelete
  if ((!rules.mayDelete || isUpdateHidden) && deleted > 0) {
    const message = `${formatRows(deleted)} of ${name} ${were(deleted)} deleted${orUpdated}; the rules do not allow it`
    alarms.push(newAlarm('ROWS_DELETED', { ...counts, threshold: 0, message }))
  }
  if (!rules.mayUpdate && updated > 0) {
    const message = `${formatRows(updated)} of ${name} ${were(updated)} updated; the rules do not allow it`
    alarms.push(newAlarm('ROWS_UPDATED', { ...counts, threshold: 0, message }))
  }
  return alarms
}

function newAlarm(code: AlarmCode, fields: Partial<Alarm> & { message: string }): Alarm {
  const nothing = { table: null, before: null, after: null, threshold: null }
  return { code, severity: 'alarm', ...nothing, ...fields }
}

const nameOf = ({ namespace, name }: { namespace: string; name: string }) => `${namespace}.${name}`

const NUMBER_FORMAT = new Intl.NumberFormat('en-US', { maximumFractionDigits: 2 })
const format = (value: number) => NUMBER_FORMAT.format(value)
const formatRows = (count: number) => `${format(count)} ${count === 1 ? 'row' : 'rows'}`
const were = (count: number) => (count === 1 ? 'was' : 'were')

/** Rounded down, so that `51 %` is never said of what is less than the rule's 51 %. */
const formatPercent = (percent: number) => `${format(Math.floor(percent * 100) / 100)} %`

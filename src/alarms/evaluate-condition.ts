/**
 * Condition and measures → whether it is met, and by which tables. Pure.
 */
import {
  type Amount,
  type Comparison,
  type Condition,
  formatCondition,
  formatTableReference,
  type TableReference,
} from './condition.ts'
import type { TableMeasures } from './table-measures.ts'

export interface ConditionOutcome {
  isMet: boolean
  /** The comparisons that are true, each with a table it is true of; one for each table that `any` stood for. */
  evidence: ConditionEvidence[]
  /** Why it cannot be told; then `isMet` says nothing. */
  problems: string[]
}

export interface ConditionEvidence {
  /** As written: `users.rows < before`. */
  comparison: string
  /** Null for a comparison without a table in it. */
  table: { namespace: string; name: string } | null
  /** The values of both sides. */
  left: number
  right: number
}

/**
 * Evaluates a condition. A table that is gone has no rows and no columns, and all it had were deleted.
 *
 * What divides by zero is neither greater nor less than anything.
 */
export function evaluateCondition(
  condition: Condition,
  tables: readonly TableMeasures[],
): ConditionOutcome {
  const problems = new Set<string>()
  const evidence: ConditionEvidence[] = []
  const evaluate = (part: Condition): boolean => {
    switch (part.kind) {
      case 'not':
        return !evaluate(part.operand)
      case 'or':
      case 'and': {
        // Both sides, so that every problem and all evidence is found.
        const [left, right] = [evaluate(part.left), evaluate(part.right)]
        return part.kind === 'or' ? left || right : left && right
      }
      case 'comparison': {
        const found = evaluateComparison(part, tables, problems)
        evidence.push(...found)
        return found.length > 0
      }
    }
  }
  const isMet = evaluate(condition)
  return { isMet, evidence, problems: [...problems] }
}

/**
 * Returns why a condition cannot be evaluated: tables it names that are not there, or are there in several schemas.
 *
 * For whoever wants to know before the tables change.
 */
export function findConditionProblems(
  condition: Condition,
  tables: readonly TableMeasures[],
): string[] {
  return evaluateCondition(condition, tables).problems
}

function evaluateComparison(
  comparison: Comparison,
  tables: readonly TableMeasures[],
  problems: Set<string>,
): ConditionEvidence[] {
  const named = measuresOf(comparison).map(({ table }) => table)
  const isAny = named.includes(null)
  const resolved = new Map<string, TableMeasures>()
  for (const reference of named) {
    if (reference === null) continue
    const table = findTable(reference, tables)
    if (typeof table === 'string') problems.add(table)
    else resolved.set(formatTableReference(reference), table)
  }
  if (named.some((table) => table !== null && !resolved.has(formatTableReference(table)))) return []
  const [first] = resolved.values()
  const candidates = isAny ? tables : first === undefined ? [] : [first]
  return candidates.flatMap((candidate) => {
    const tableOf = (reference: TableReference) =>
      reference === null ? candidate : resolved.get(formatTableReference(reference))!
    const involved = named.map(tableOf)
    const unheld = measuresOf(comparison)
      .filter(({ measure }) => measure !== 'columns')
      .map(({ table }) => tableOf(table))
      .find(({ rows }) => rows === null)
    if (unheld !== undefined) {
      // Tables that the user chose to leave out are none of `any`.
      if (!isAny) problems.add(`the rows of '${nameOf(unheld)}' are not held by both states`)
      return []
    }
    const isColumns = measuresOf(comparison)[0]!.measure === 'columns'
    const before = isColumns
      ? involved[0]!.columnsBefore.length
      : (involved[0]!.rows?.countBefore ?? 0)
    const left = evaluateAmount(comparison.left, tableOf, before)
    const right = evaluateAmount(comparison.right, tableOf, before)
    if (!holds(comparison.operator, left, right)) return []
    const { namespace, name } = candidate
    return [{ comparison: formatCondition(comparison), table: { namespace, name }, left, right }]
  })
}

function evaluateAmount(
  amount: Amount,
  tableOf: (reference: TableReference) => TableMeasures,
  before: number,
): number {
  switch (amount.kind) {
    case 'number':
      return amount.value
    case 'percent':
      return amount.value / 100
    case 'before':
      return before
    case 'measure': {
      const { columnsAfter, rows } = tableOf(amount.table)
      if (amount.measure === 'columns') return columnsAfter.length
      return amount.measure === 'rows' ? (rows?.countAfter ?? 0) : (rows?.[amount.measure] ?? 0)
    }
    case 'arithmetic': {
      const left = evaluateAmount(amount.left, tableOf, before)
      const right = evaluateAmount(amount.right, tableOf, before)
      switch (amount.operator) {
        case '+':
          return left + right
        case '-':
          return left - right
        case '*':
          return left * right
        case '/':
          return right === 0 ? Number.NaN : left / right
      }
    }
  }
}

function holds(operator: Comparison['operator'], left: number, right: number): boolean {
  if (Number.isNaN(left) || Number.isNaN(right)) return false
  switch (operator) {
    case '<':
      return left < right
    case '<=':
      return left <= right
    case '>':
      return left > right
    case '>=':
      return left >= right
    case '=':
      return left === right
    case '!=':
      return left !== right
  }
}

type MeasureAmount = Extract<Amount, { kind: 'measure' }>

function measuresOf({ left, right }: Comparison): MeasureAmount[] {
  const collect = (amount: Amount): MeasureAmount[] => {
    if (amount.kind === 'measure') return [amount]
    return amount.kind === 'arithmetic' ? [...collect(amount.left), ...collect(amount.right)] : []
  }
  return [...collect(left), ...collect(right)]
}

/** A bare name that several schemas have means that of `public`, as everywhere. */
function findTable(
  reference: NonNullable<TableReference>,
  tables: readonly TableMeasures[],
): TableMeasures | string {
  const named = tables.filter(
    ({ namespace, name }) =>
      name === reference.name &&
      (reference.namespace === null || namespace === reference.namespace),
  )
  const table =
    named.length === 1 ? named[0] : named.find(({ namespace }) => namespace === 'public')
  if (table !== undefined) return table
  const label = formatTableReference(reference)
  if (named.length === 0) return `there is no table '${label}'`
  const namespaces = named.map(({ namespace }) => namespace).join(', ')
  return `several schemas have a table '${label}': ${namespaces}`
}

function nameOf({ namespace, name }: TableMeasures): string {
  return `${namespace}.${name}`
}

/**
 * A condition on what happened to tables: `users.rows < before * 0.9 or orders.deleted > 100`.
 *
 *     condition  = condition ("or" | "and") condition | "not" condition
 *                | "(" condition ")" | amount ("<" | "<=" | ">" | ">=" | "=" | "!=") amount
 *     amount     = amount ("+" | "-" | "*" | "/") amount | "(" amount ")"
 *                | number | number "%" | "before" | table "." measure
 *     table      = "any" | name | name "." name
 *     measure    = "rows" | "inserted" | "deleted" | "updated" | "columns"
 *
 * `not` binds tighter than `and`, `and` tighter than `or`; `*` and `/` tighter than `+` and `-`.
 * `before` is what the table had before: columns beside `.columns`, rows beside all others. So a
 * comparison that has it names one table. `any` makes a comparison true that is true of some table.
 * A percentage is multiplied with something (`before * 10%`): alone it would be a percentage of nothing.
 * Names are case-sensitive; those with other characters than letters, digits, `_` and `$`, and
 * those that are words of this language, are quoted as in SQL.
 */

export type Condition =
  | { kind: 'or' | 'and'; left: Condition; right: Condition }
  | { kind: 'not'; operand: Condition }
  | Comparison

export interface Comparison {
  kind: 'comparison'
  operator: ComparisonOperator
  left: Amount
  right: Amount
}

export type ComparisonOperator = '<' | '<=' | '>' | '>=' | '=' | '!='

export type Amount =
  | { kind: 'number'; value: number }
  /** `value` as written: 10 for `10%`. */
  | { kind: 'percent'; value: number }
  | { kind: 'before' }
  | { kind: 'measure'; table: TableReference; measure: Measure }
  | { kind: 'arithmetic'; operator: '+' | '-' | '*' | '/'; left: Amount; right: Amount }

/** Null stands for `any` table. A table without a namespace is looked for in all of them. */
export type TableReference = { namespace: string | null; name: string } | null

export const MEASURES = ['rows', 'inserted', 'deleted', 'updated', 'columns'] as const
export type Measure = (typeof MEASURES)[number]

/** What a name must be quoted not to be taken for. */
export const CONDITION_WORDS: ReadonlySet<string> = new Set(['and', 'or', 'not', 'any', 'before'])

/** Writes a condition so that parsing it gives the same condition again. */
export function formatCondition(condition: Condition): string {
  switch (condition.kind) {
    case 'comparison': {
      const { operator, left, right } = condition
      return `${formatAmount(left)} ${operator} ${formatAmount(right)}`
    }
    case 'not': {
      const { operand } = condition
      // What it holds is a comparison or binds looser than it, unless it is another `not`.
      const text = formatCondition(operand)
      return operand.kind === 'or' || operand.kind === 'and' ? `not (${text})` : `not ${text}`
    }
    default: {
      const isOr = condition.kind === 'or'
      const left = formatCondition(condition.left)
      const right = formatCondition(condition.right)
      // Equal operators group to the left.
      const isLeftLooser = !isOr && condition.left.kind === 'or'
      const isRightLooser =
        condition.right.kind === 'or' || (!isOr && condition.right.kind === 'and')
      return [
        isLeftLooser ? `(${left})` : left,
        condition.kind,
        isRightLooser ? `(${right})` : right,
      ].join(' ')
    }
  }
}

function formatAmount(amount: Amount): string {
  switch (amount.kind) {
    case 'number':
      return formatNumber(amount.value)
    case 'percent':
      return `${formatNumber(amount.value)}%`
    case 'before':
      return 'before'
    case 'measure':
      return `${formatTableReference(amount.table)}.${amount.measure}`
    case 'arithmetic': {
      const { operator, left, right } = amount
      const isProduct = operator === '*' || operator === '/'
      const isSum = (side: Amount) =>
        side.kind === 'arithmetic' && (side.operator === '+' || side.operator === '-')
      const leftText = formatAmount(left)
      const rightText = formatAmount(right)
      const isRightGrouped = right.kind === 'arithmetic' && (isProduct || isSum(right))
      return [
        isProduct && isSum(left) ? `(${leftText})` : leftText,
        operator,
        isRightGrouped ? `(${rightText})` : rightText,
      ].join(' ')
    }
  }
}

/** Digits without an exponent, as the language has them; parsing them gives the same number. */
function formatNumber(value: number): string {
  const [digits = '', exponent] = String(value).split('e')
  if (exponent === undefined) return digits
  if (Number(exponent) > 0) return BigInt(value).toString()
  return `0.${'0'.repeat(-Number(exponent) - 1)}${digits.replace('.', '')}`
}

/** `users`, `sales.orders`, `"Odd name"`, `any`. */
export function formatTableReference(table: TableReference): string {
  if (table === null) return 'any'
  const parts = table.namespace === null ? [table.name] : [table.namespace, table.name]
  return parts.map(formatName).join('.')
}

function formatName(name: string): string {
  const isPlain =
    /^[\p{L}_][\p{L}\p{N}_$]*$/u.test(name) && !CONDITION_WORDS.has(name.toLowerCase())
  return isPlain ? name : `"${name.replaceAll('"', '""')}"`
}

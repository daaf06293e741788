import { asKind, type Node, namesOf } from './sql-parser.ts'

/**
 * Tells whether a condition holds for every row, as far as that can be read off it: none at all,
 * `true`, `1 = 1`, `id = id`, and what AND, OR and NOT make of them. Pure.
 */
export function isAlwaysTrue(condition: Node | undefined): boolean {
  return condition === undefined || constantTruth(condition) === true
}

function constantTruth(node: Node | undefined): boolean | undefined {
  const constant = asKind(node, 'A_Const')
  if (constant?.boolval !== undefined) return constant.boolval.boolval === true
  const cast = asKind(node, 'TypeCast')
  if (cast !== undefined) return truthOfText(asKind(cast.arg, 'A_Const')?.sval?.sval)
  const combined = asKind(node, 'BoolExpr')
  if (combined !== undefined) {
    const truths = (combined.args ?? []).map(constantTruth)
    switch (combined.boolop) {
      case 'NOT_EXPR':
        return truths[0] === undefined ? undefined : !truths[0]
      case 'AND_EXPR':
        if (truths.includes(false)) return false
        return truths.every((truth) => truth === true) ? true : undefined
      default:
        if (truths.includes(true)) return true
        return truths.every((truth) => truth === false) ? false : undefined
    }
  }
  const comparison = asKind(node, 'A_Expr')
  if (comparison?.kind !== 'AEXPR_OP') return undefined
  const [operator] = namesOf(comparison.name)
  const [left, right] = [comparableText(comparison.lexpr), comparableText(comparison.rexpr)]
  if (left === undefined || right === undefined) return undefined
  const isConstant = left.startsWith('constant') && right.startsWith('constant')
  if (operator === '=') return left === right ? true : isConstant ? false : undefined
  if (operator === '<>' && isConstant) return left !== right
  return undefined
}

function truthOfText(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined
  if (/^(?:t|true|y|yes|on|1)$/i.test(text)) return true
  return /^(?:f|false|n|no|off|0)$/i.test(text) ? false : undefined
}

/** Equal for a constant or a column that stands on both sides. Where it stands does not count. */
function comparableText(node: Node | undefined): string | undefined {
  const constant = asKind(node, 'A_Const')
  if (constant !== undefined) {
    const { location: _, ...value } = constant
    return constant.isnull ? undefined : `constant ${JSON.stringify(value)}`
  }
  const column = asKind(node, 'ColumnRef')
  return column === undefined ? undefined : `column ${namesOf(column.fields).join('.')}`
}

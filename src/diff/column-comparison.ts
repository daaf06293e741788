/**
 * Which columns two states of a table have in common. Pure.
 */

export interface ColumnComparison {
  /** By name, in the order before. Rows are compared in these. */
  common: string[]
  onlyBefore: string[]
  onlyAfter: string[]
}

/** Compares columns by name; a renamed column is one gone and another come. */
export function compareColumns(
  before: readonly string[],
  after: readonly string[],
): ColumnComparison {
  const [namesBefore, namesAfter] = [new Set(before), new Set(after)]
  return {
    common: before.filter((name) => namesAfter.has(name)),
    onlyBefore: before.filter((name) => !namesAfter.has(name)),
    onlyAfter: after.filter((name) => !namesBefore.has(name)),
  }
}

/** Tells whether rows of equal text are equal rows on both sides. */
export function isSameTextSameRow(before: readonly string[], after: readonly string[]): boolean {
  const { common } = compareColumns(before, after)
  if (common.length === 0) return before.length === 0 && after.length === 0
  return common.every((name) => before.indexOf(name) === after.indexOf(name))
}

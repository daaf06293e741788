/**
 * Which columns two states of a table have in common, and how rows are compared by them. Pure.
 */
import { splitFields } from '../format/copy-text.ts'

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

/** How the row text of one side is looked at. */
export interface RowView {
  /** Rows of both sides are equal when this is. */
  comparedText(rowText: string): string
  /** What pairs a row with one of the other side; undefined without a key. */
  keyText: ((rowText: string) => string) | undefined
}

/**
 * Returns the views of rows before and after.
 *
 * Without any common column nothing says that two rows are equal, so none are,
 * unless neither side has a column at all.
 */
export function viewRows(
  before: readonly string[],
  after: readonly string[],
  keyColumns: readonly string[] | undefined,
): { before: RowView; after: RowView } {
  const { common } = compareColumns(before, after)
  const isSame = before.join('\0') === after.join('\0')
  const viewOf = (columns: readonly string[], side: string): RowView => ({
    comparedText: isSame
      ? (rowText) => rowText
      : common.length === 0
        ? (rowText) => `${side}\n${rowText}`
        : picker(columns, common),
    keyText: keyColumns === undefined ? undefined : picker(columns, keyColumns),
  })
  return { before: viewOf(before, 'before'), after: viewOf(after, 'after') }
}

/** Tells whether rows of equal text are equal rows on both sides. */
export function isSameTextSameRow(before: readonly string[], after: readonly string[]): boolean {
  const { common } = compareColumns(before, after)
  if (common.length === 0) return before.length === 0 && after.length === 0
  return common.every((name) => before.indexOf(name) === after.indexOf(name))
}

function picker(
  columns: readonly string[],
  wanted: readonly string[],
): (rowText: string) => string {
  const positions = wanted.map((name) => columns.indexOf(name))
  const [first] = positions
  if (positions.length === 1 && first === 0) return firstField
  return (rowText) => {
    const fields = splitFields(rowText)
    return positions.map((position) => fields[position]).join('\t')
  }
}

/** The commonest key by far is the first column; nothing else of the row need be cut up. */
function firstField(rowText: string): string {
  const tab = rowText.indexOf('\t')
  return tab === -1 ? rowText : rowText.slice(0, tab)
}

/**
 * Which column of a file goes into which of a table, and by which key. Pure.
 */
import { SnapError } from '../errors.ts'
import type { Records } from './records.ts'
import type { TargetColumn, TargetTable } from './target-table.ts'

export interface LoadPlan {
  table: TargetTable
  /** One for each column of the file; null for those that are ignored. */
  columns: (TargetColumn | null)[]
  /** Tells a row that is there from a new one; null when every row is new. */
  key: string[] | null
}

export interface LoadWishes {
  /** `[file column, table column]`. */
  map: readonly (readonly [from: string, to: string])[]
  ignore: readonly string[]
  /** Instead of the first key of the table that the file has all columns of. */
  key: readonly string[] | undefined
  skipsExisting: boolean
}

/**
 * Plans a load, or refuses all that is wrong with the columns at once.
 *
 * @throws LOAD_COLUMNS_WRONG, USAGE
 */
export function planLoad(
  table: TargetTable,
  { columns: fileColumns, isEmpty = false }: Pick<Records, 'columns' | 'isEmpty'>,
  { map, ignore, key: wishedKey, skipsExisting }: LoadWishes,
): LoadPlan {
  const problems: string[] = []
  for (const name of new Set([...map.map(([from]) => from), ...ignore])) {
    if (!isEmpty && !fileColumns.includes(name)) problems.push(`the file has no column '${name}'`)
  }
  for (const [position, [from, to]] of map.entries()) {
    const other = map.find(([name], earlier) => name === from && earlier < position)
    if (other !== undefined && other[1] !== to) {
      problems.push(`column '${from}' of the file is mapped to both '${other[1]}' and '${to}'`)
    }
  }
  const targets = new Map<string, string>()
  const columns = fileColumns.map((from) => {
    if (ignore.includes(from)) return null
    const wanted = map.find(([name]) => name === from)?.[1]
    const column = findColumn(table, wanted ?? from, wanted !== undefined)
    if (column === undefined) {
      const meant = wanted === undefined ? '' : ` (mapped to '${wanted}')`
      problems.push(`column '${from}'${meant} of the file is none of the table`)
      return null
    }
    if (column.isGenerated) {
      problems.push(`column '${from}' of the file is computed by the table`)
      return null
    }
    const other = targets.get(column.name)
    if (other !== undefined) {
      problems.push(`columns '${other}' and '${from}' of the file are both '${column.name}'`)
    }
    targets.set(column.name, from)
    return column
  })
  if (!isEmpty && targets.size === 0 && problems.length === 0) {
    problems.push('no column of the file goes into the table')
  }
  for (const { name, isRequired } of table.columns) {
    if (!isEmpty && isRequired && !targets.has(name)) {
      problems.push(
        `column '${name}' of the table may not be null, has no default, and is not in the file`,
      )
    }
  }
  const isThere = (key: readonly string[]) => key.every((name) => targets.has(name))
  const key = wishedKey ?? table.keys.find(isThere) ?? null
  if (wishedKey !== undefined && !table.keys.some((each) => isSameSet(each, wishedKey))) {
    problems.push(`no unique key of the table is just (${wishedKey.join(', ')})`)
  } else if (!isEmpty && wishedKey !== undefined && !isThere(wishedKey)) {
    problems.push(`the file has not all columns of the key (${wishedKey.join(', ')})`)
  }
  if (problems.length > 0) {
    throw new SnapError(
      'LOAD_COLUMNS_WRONG',
      `cannot load into '${table.namespace}.${table.name}': the columns do not fit`,
      {
        problems,
        fileColumns: [...fileColumns],
        tableColumns: table.columns.map(({ name }) => name),
      },
      { hint: delimiterHint(fileColumns) ?? MAP_HINT },
    )
  }
  if (!isEmpty && skipsExisting && key === null) {
    throw new SnapError(
      'USAGE',
      `cannot tell which rows exist: the file has no key of '${table.namespace}.${table.name}'`,
      { argument: '--skip-existing' },
      { hint: 'map a column to the primary key, or to a unique one' },
    )
  }
  return { table, columns, key: key === null ? null : [...key] }
}

const MAP_HINT = "say what goes where with --map 'FROM=to', or leave a column out with --ignore"

/** A header that is one name with separators in it was most likely read with the wrong one. */
export function delimiterHint([name, ...others]: readonly string[]): string | undefined {
  const found = others.length === 0 ? /[;|\t,]/.exec(name ?? '')?.[0] : undefined
  if (found === undefined) return undefined
  return found === '\t'
    ? 'fields seem to be separated by tabs: say --format tsv'
    : `fields seem to be separated by '${found}': say --delimiter '${found}'`
}

/** As it is written, or but for capitals; what was mapped is meant as it is written. */
function findColumn(
  { columns }: TargetTable,
  name: string,
  isMapped: boolean,
): TargetColumn | undefined {
  const exact = columns.find((column) => column.name === name)
  if (exact !== undefined || isMapped) return exact
  const alike = columns.filter((column) => column.name.toLowerCase() === name.toLowerCase())
  return alike.length === 1 ? alike[0] : undefined
}

function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name))
}

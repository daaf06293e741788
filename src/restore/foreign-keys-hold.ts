/**
 * Says which rows break a foreign key, when the server has refused to create it again.
 */
import { isSnapError, SnapError } from '../errors.ts'
import type { SchemaEntry } from '../format/values.ts'
import type { Session } from '../postgres/session.ts'
import { splitTopLevel, unquoteIdentifier } from '../schema/sql-text.ts'
import { isStatementError } from './statement.ts'

export interface ForeignKey {
  constraint: string
  /** Qualified names as they stand in SQL, `ONLY` included where it is written. */
  table: string
  referencedTable: string
  /** As they stand in SQL, in the same order. */
  columns: string[]
  referencedColumns: string[]
  isMatchFull: boolean
}

const FOREIGN_KEY_VIOLATION = '23503'

/**
 * Looks for the rows behind a foreign key that was refused; the attempt's other
 * changes are still there. Returns when the refusal was about something else.
 *
 * @throws FOREIGN_KEY_VIOLATED  listing every foreign key of `created` that rows break
 */
export async function assertForeignKeysHold(
  session: Session,
  error: SnapError,
  { created }: { created: readonly SchemaEntry[] },
): Promise<void> {
  const { cause } = error
  const isRefusedKey =
    isSnapError(cause, 'POSTGRES_REFUSED') && cause.data.sqlState === FOREIGN_KEY_VIOLATION
  if (!isRefusedKey || session.transactionState !== 'open') return
  const violations: { key: ForeignKey; rowCount: number }[] = []
  for (const { kind, definition } of created) {
    const key = kind === 'FK CONSTRAINT' ? parseForeignKey(definition ?? '') : undefined
    const rowCount = key === undefined ? 0 : await countViolations(session, key)
    if (key !== undefined && rowCount > 0) violations.push({ key, rowCount })
  }
  const [first] = violations
  if (first === undefined) return
  const { key, rowCount } = first
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more foreign keys)` : ''
  throw new SnapError(
    'FOREIGN_KEY_VIOLATED',
    `cannot restore this part alone: ${rowCount} ${rowCount === 1 ? 'row' : 'rows'} of ` +
      `'${labelOf(key.table)}' would refer to rows of '${labelOf(key.referencedTable)}' that are not there ` +
      `(foreign key '${key.constraint}')${more}`,
    {
      violations: violations.map((each) => ({
        constraint: each.key.constraint,
        table: labelOf(each.key.table),
        referencedTable: labelOf(each.key.referencedTable),
        rowCount: each.rowCount,
      })),
    },
    {
      cause: error,
      hint: 'nothing was changed; restore the tables on both ends together: --table for each',
    },
  )
}

const IDENTIFIER = String.raw`(?:"(?:[^"]|"")*"|[^\s".(),;]+)`
const FOREIGN_KEY = new RegExp(
  String.raw`^ALTER TABLE ((?:ONLY )?${IDENTIFIER}\.${IDENTIFIER})\s+ADD CONSTRAINT (${IDENTIFIER}) FOREIGN KEY \((.*?)\) REFERENCES (${IDENTIFIER}\.${IDENTIFIER})\((.*?)\)( MATCH FULL)?`,
  'su',
)

/** Returns undefined for what cannot be counted with equality, as a key over periods. */
export function parseForeignKey(definition: string): ForeignKey | undefined {
  const match = FOREIGN_KEY.exec(definition.trim())
  if (match === null) return undefined
  const [, table, constraint, columns, referencedTable, referencedColumns, matchFull] = match
  const key = {
    constraint: unquoteIdentifier(constraint!),
    table: table!,
    referencedTable: referencedTable!,
    columns: splitTopLevel(columns!, ','),
    referencedColumns: splitTopLevel(referencedColumns!, ','),
    isMatchFull: matchFull !== undefined,
  }
  const isCountable = [...key.columns, ...key.referencedColumns].every(
    (column) => !column.startsWith('PERIOD '),
  )
  return isCountable ? key : undefined
}

/** Returns 0 also where the server cannot compare the columns by `=` on an empty search path. */
async function countViolations(session: Session, key: ForeignKey): Promise<number> {
  const present = key.columns
    .map((column) => `child.${column} IS NOT NULL`)
    .join(key.isMatchFull ? ' OR ' : ' AND ')
  const isParent = key.columns
    .map((column, place) => `parent.${key.referencedColumns[place]} = child.${column}`)
    .join(' AND ')
  await session.execute('SAVEPOINT snap_count')
  try {
    const [row] = await session.query<{ count: string }>(
      `SELECT count(*)::text AS count FROM ${key.table} AS child
        WHERE (${present})
          AND NOT EXISTS (SELECT FROM ${key.referencedTable} AS parent WHERE ${isParent})`,
    )
    await session.execute('RELEASE SAVEPOINT snap_count')
    return Number(row?.count ?? 0)
  } catch (error) {
    if (!isStatementError(error)) throw error
    await session.execute('ROLLBACK TO SAVEPOINT snap_count; RELEASE SAVEPOINT snap_count')
    return 0
  }
}

/** `ONLY public."Order Lines"` as people write it: `public.Order Lines`. */
const labelOf = (table: string): string => namesIn(table).join('.')

/** `ONLY public."Order Lines"` as `tableKey` writes it. */
export const tableKeyOf = (table: string): string => namesIn(table).join('\0')

function namesIn(table: string): string[] {
  const names = table.replace(/^ONLY /, '').match(new RegExp(IDENTIFIER, 'gu')) ?? [table]
  return names.map(unquoteIdentifier)
}

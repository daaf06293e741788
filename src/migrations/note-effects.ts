import { type KnownTables, tableNameOf } from './known-tables.ts'
import { asKind, type Node, type NodeOf, namesOf, walkNodes } from './sql-parser.ts'

/** Notes what a statement makes, renames and drops, for the statements after it. */
export function noteEffects(statement: Node, known: KnownTables): void {
  if (setsSearchPath(statement)) known.notePathChange()
  const created = asKind(statement, 'CreateStmt')
  if (created !== undefined) {
    known.addFresh(tableNameOf(created.relation), {
      ifNotExists: created.if_not_exists === true,
      isTemporary: created.relation?.relpersistence === 't',
    })
  }
  const filled = asKind(statement, 'CreateTableAsStmt')
  const into = filled?.into ?? asKind(statement, 'SelectStmt')?.intoClause
  if (into !== undefined) {
    known.addFresh(tableNameOf(into.rel), {
      ifNotExists: filled?.if_not_exists === true,
      isTemporary: into.rel?.relpersistence === 't',
    })
  }
  const dropped = asKind(statement, 'DropStmt')
  if (dropped?.removeType === 'OBJECT_TABLE') {
    for (const object of dropped.objects ?? []) {
      const names = namesOf(asKind(object, 'List')?.items)
      known.removeFresh({ namespace: names.at(-2) ?? null, name: names.at(-1) ?? '' })
    }
  }
  const renamed = asKind(statement, 'RenameStmt')
  if (renamed !== undefined) noteRename(renamed, known)
  const altered = asKind(statement, 'AlterTableStmt')
  for (const node of altered?.cmds ?? []) {
    const command = asKind(node, 'AlterTableCmd')
    const column = asKind(command?.def, 'ColumnDef')?.colname
    if (command?.subtype !== 'AT_AddColumn' || column === undefined) continue
    const table = tableNameOf(altered?.relation)
    const mayExist =
      command.missing_ok === true && known.findColumnType(table, column) !== undefined
    if (!mayExist) known.addFreshColumn(table, column)
  }
}

function noteRename(
  { renameType, relation, subname, newname = '' }: NodeOf<'RenameStmt'>,
  known: KnownTables,
): void {
  const table = tableNameOf(relation)
  if (renameType === 'OBJECT_TABLE') known.renameFresh(table, newname)
  if (renameType === 'OBJECT_COLUMN' && known.isFreshColumn(table, subname ?? '')) {
    known.addFreshColumn(table, newname)
  }
}

/** `SET search_path`, `SET SCHEMA`, `RESET ALL`, `set_config('search_path', …)`. */
function setsSearchPath(statement: Node): boolean {
  const set = asKind(statement, 'VariableSetStmt')
  if (set !== undefined) return set.name === 'search_path' || set.kind === 'VAR_RESET_ALL'
  let isSet = false
  walkNodes(asKind(statement, 'SelectStmt'), (kind, value) => {
    if (kind !== 'FuncCall') return true
    const { funcname, args } = value as NodeOf<'FuncCall'>
    const setting = asKind(args?.[0], 'A_Const')?.sval?.sval
    isSet ||= namesOf(funcname).at(-1) === 'set_config' && setting === 'search_path'
    return true
  })
  return isSet
}

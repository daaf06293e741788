/**
 * What one statement would take away, by its parse tree. Pure.
 */

import { isAlwaysTrue } from './always-true.ts'
import { formatTableName, type KnownTables, type TableName, tableNameOf } from './known-tables.ts'
import type { Hazard, SqlFindingCode, SqlSeverity } from './sql-finding.ts'
import {
  type AlterTableCmd,
  asKind,
  type Node,
  type NodeOf,
  namesOf,
  walkNodes,
} from './sql-parser.ts'
import { compareTypes, formatType, type SqlType, toSqlType } from './type-change.ts'

/** Finds what a statement does when it runs; what it only defines (functions, rules) is not looked into. */
export function findHazards(statement: Node, known: KnownTables): Hazard[] {
  const hazards: Hazard[] = []
  walkNodes(statement, (kind, value) => {
    switch (kind) {
      case 'DropStmt':
        hazards.push(...findDropHazards(value as NodeOf<'DropStmt'>, known))
        break
      case 'DropdbStmt': {
        const { dbname = '' } = value as NodeOf<'DropdbStmt'>
        hazards.push(
          newHazard('DROP_DATABASE', dbname, `database ${dbname} is dropped with all it holds`),
        )
        break
      }
      case 'DropOwnedStmt':
        hazards.push(
          newHazard('DROP_OWNED', null, 'all that the role owns in this database is dropped'),
        )
        break
      case 'AlterTableStmt':
        hazards.push(...findAlterHazards(value as NodeOf<'AlterTableStmt'>, known))
        break
      case 'TruncateStmt':
        hazards.push(...findTruncateHazards(value as NodeOf<'TruncateStmt'>, known))
        break
      case 'DeleteStmt':
        hazards.push(...findDeleteHazards(value as NodeOf<'DeleteStmt'>, known))
        break
      case 'UpdateStmt':
        hazards.push(...findUpdateHazards(value as NodeOf<'UpdateStmt'>, known))
        break
      case 'MergeStmt':
        hazards.push(...findMergeHazards(value as NodeOf<'MergeStmt'>, known))
        break
      case 'FuncCall': {
        const { funcname, location } = value as NodeOf<'FuncCall'>
        if (namesOf(funcname).at(-1) === 'lo_unlink') {
          const message = 'large objects are removed with their contents'
          hazards.push({
            ...newHazard('UNLINK_LARGE_OBJECT', null, message),
            locationBytes: location,
          })
        }
        break
      }
      case 'ExplainStmt':
        return isAnalyze(value as NodeOf<'ExplainStmt'>)
      case 'CreateFunctionStmt':
      case 'RuleStmt':
        return false
    }
    return true
  })
  return hazards
}

function newHazard(
  code: SqlFindingCode,
  object: string | null,
  message: string,
  severity: SqlSeverity = 'loss',
): Hazard {
  return { code, severity, object, rowCount: null, message, locationBytes: undefined }
}

function tableHazard(
  code: SqlFindingCode,
  table: TableName,
  message: string,
  { known, severity = 'loss' }: { known: KnownTables; severity?: SqlSeverity },
): Hazard {
  const object = formatTableName(table)
  return { ...newHazard(code, object, message, severity), rowCount: known.findRowCount(table) }
}

/** EXPLAIN runs its statement only to measure it. */
function isAnalyze({ options }: NodeOf<'ExplainStmt'>): boolean {
  return (options ?? []).some((node) => {
    const option = asKind(node, 'DefElem')
    const argument = asKind(option?.arg, 'String')?.sval ?? 'on'
    return option?.defname === 'analyze' && !['off', 'false', '0'].includes(argument.toLowerCase())
  })
}

function findDropHazards(statement: NodeOf<'DropStmt'>, known: KnownTables): Hazard[] {
  const isCascade = statement.behavior === 'DROP_CASCADE'
  const names = (statement.objects ?? []).map(namesOfObject)
  const label = (parts: readonly string[]) => parts.join('.')
  switch (statement.removeType) {
    case 'OBJECT_TABLE':
      return names
        .map((parts) => ({ namespace: parts.at(-2) ?? null, name: parts.at(-1) ?? '' }))
        .filter((table) => !known.isFresh(table))
        .map((table) => {
          const message = `table ${formatTableName(table)} is dropped with its rows`
          return tableHazard('DROP_TABLE', table, message, { known })
        })
    case 'OBJECT_SCHEMA':
      return names.map((parts) =>
        isCascade
          ? newHazard(
              'DROP_SCHEMA',
              label(parts),
              `schema ${label(parts)} is dropped with all it holds`,
            )
          : newHazard(
              'DROP_SCHEMA',
              label(parts),
              `schema ${label(parts)} is dropped, if it is empty`,
              'note',
            ),
      )
    case 'OBJECT_TYPE':
    case 'OBJECT_DOMAIN':
      // Without CASCADE it is refused while a column has the type.
      if (!isCascade) return []
      return names.map((parts) =>
        newHazard(
          'DROP_TYPE',
          label(parts),
          `every column of type ${label(parts)} is dropped with its values`,
        ),
      )
    case 'OBJECT_EXTENSION':
      return names.map((parts) => {
        const what = isCascade
          ? `the tables of extension ${label(parts)} and every column of its types are dropped`
          : `the tables that belong to extension ${label(parts)} are dropped, if it has any`
        return newHazard('DROP_EXTENSION', label(parts), what, isCascade ? 'loss' : 'doubt')
      })
    case 'OBJECT_SEQUENCE':
      return names.map((parts) =>
        newHazard(
          'DROP_SEQUENCE',
          label(parts),
          `sequence ${label(parts)} is dropped with its position`,
          'note',
        ),
      )
    case 'OBJECT_FUNCTION':
    case 'OBJECT_ROUTINE':
      if (!isCascade) return []
      return names.map((parts) => {
        const what = `what uses function ${label(parts)} is dropped with it: a generated column, say`
        return newHazard('DROP_FUNCTION', label(parts), what, 'note')
      })
    default:
      return []
  }
}

/** The parts of an object's name, whatever kind of node it comes as. */
function namesOfObject(node: Node): string[] {
  const list = asKind(node, 'List')?.items
  if (list !== undefined) return namesOf(list)
  const typeName = asKind(node, 'TypeName')?.names ?? asKind(node, 'ObjectWithArgs')?.objname
  return typeName === undefined ? namesOf([node]) : namesOf(typeName)
}

function findTruncateHazards(
  { relations, behavior }: NodeOf<'TruncateStmt'>,
  known: KnownTables,
): Hazard[] {
  return (relations ?? []).flatMap((node) => {
    const relation = asKind(node, 'RangeVar')
    const table = tableNameOf(relation)
    const isFresh = known.isFresh(table)
    const label = formatTableName(table)
    const isCascade = behavior === 'DROP_CASCADE'
    const others = `every table that references ${isFresh ? label : 'it'}`
    // A fresh table has no rows to lose, but one that was there may reference it by now.
    if (isFresh && (!isCascade || known.isTemporary(table))) return []
    const message = isFresh
      ? `all rows of ${others} are removed`
      : `all rows of ${label} are removed${isCascade ? `, and of ${others}` : ''}`
    const severity = isFresh ? 'doubt' : 'loss'
    const hazard = tableHazard('TRUNCATE', table, message, { known, severity })
    return [{ ...hazard, locationBytes: relation?.location }]
  })
}

function findDeleteHazards(statement: NodeOf<'DeleteStmt'>, known: KnownTables): Hazard[] {
  const table = tableNameOf(statement.relation)
  if (known.isFresh(table) || !isAlwaysTrue(statement.whereClause)) return []
  const joined = (statement.usingClause ?? []).length > 0
  const message = joined
    ? `all rows of ${formatTableName(table)} are deleted: USING has no condition`
    : `all rows of ${formatTableName(table)} are deleted`
  const hazard = tableHazard('DELETE_ALL', table, message, { known })
  return [{ ...hazard, locationBytes: statement.relation?.location }]
}

function findUpdateHazards(statement: NodeOf<'UpdateStmt'>, known: KnownTables): Hazard[] {
  const table = tableNameOf(statement.relation)
  if (!isAlwaysTrue(statement.whereClause)) return []
  // Filling a column that the script has just added overwrites nothing, and neither does `x = x`.
  const columns = (statement.targetList ?? []).flatMap((node) => {
    const { name = '', val } = asKind(node, 'ResTarget') ?? {}
    return known.isFreshColumn(table, name) || isOwnColumn(val, name, statement) ? [] : [name]
  })
  if (columns.length === 0) return []
  const list = [...new Set(columns)]
  const message = `${list.join(', ')} of ${formatTableName(table)} ${list.length === 1 ? 'is' : 'are'} overwritten in every row`
  const hazard = tableHazard('UPDATE_ALL', table, message, { known })
  return [{ ...hazard, locationBytes: statement.relation?.location }]
}

/** Without FROM, a bare name or one of the table's own is the column of the row itself. */
function isOwnColumn(
  node: Node | undefined,
  column: string,
  { relation, fromClause }: NodeOf<'UpdateStmt'>,
): boolean {
  const names = namesOf(asKind(node, 'ColumnRef')?.fields)
  const own = relation?.alias?.aliasname ?? relation?.relname
  const isOwn = names.length === 1 ? (fromClause ?? []).length === 0 : names.at(-2) === own
  return isOwn && names.length <= 2 && names.at(-1) === column
}

function findMergeHazards(statement: NodeOf<'MergeStmt'>, known: KnownTables): Hazard[] {
  const table = tableNameOf(statement.relation)
  if (known.isFresh(table)) return []
  const deletes = (statement.mergeWhenClauses ?? []).some((node) => {
    const clause = asKind(node, 'MergeWhenClause')
    return clause?.commandType === 'CMD_DELETE' && isAlwaysTrue(clause.condition)
  })
  if (!deletes) return []
  const message = `rows of ${formatTableName(table)} are deleted by MERGE, without a condition beside the join`
  const hazard = tableHazard('MERGE_DELETE', table, message, { known, severity: 'doubt' })
  return [{ ...hazard, locationBytes: statement.relation?.location }]
}

function findAlterHazards(statement: NodeOf<'AlterTableStmt'>, known: KnownTables): Hazard[] {
  const { objtype, relation, cmds } = statement
  const table = tableNameOf(relation)
  if (known.isFresh(table)) return []
  const commands = (cmds ?? []).map((node) => asKind(node, 'AlterTableCmd') ?? {})
  if (objtype === 'OBJECT_TYPE') {
    return commands.flatMap((command) => findAttributeHazards(table, command))
  }
  if (objtype !== 'OBJECT_TABLE') return []
  return commands.flatMap((command) => findCommandHazards(table, command, known))
}

function findAttributeHazards(type: TableName, command: AlterTableCmd): Hazard[] {
  const { subtype, name = '', def } = command
  const label = formatTableName(type)
  const object = `${label}.${name}`
  if (subtype === 'AT_DropColumn') {
    const message = `attribute ${name} of type ${label} is dropped with the values it has in every column of the type`
    return [newHazard('DROP_ATTRIBUTE', object, message)]
  }
  const definition = asKind(def, 'ColumnDef')
  const to = toSqlType(definition?.typeName)
  if (subtype !== 'AT_AlterColumnType' || to === undefined) return []
  if (compareTypes(undefined, to) === 'keeps') return []
  const message = `attribute ${name} of type ${label} goes to ${formatType(to)}, which may be narrower than what it is`
  const hazard = newHazard('TYPE_MAY_NARROW', object, message, 'doubt')
  return [{ ...hazard, locationBytes: definition?.location }]
}

function findCommandHazards(
  table: TableName,
  command: AlterTableCmd,
  known: KnownTables,
): Hazard[] {
  const { subtype, name = '' } = command
  const label = formatTableName(table)
  switch (subtype) {
    case 'AT_DropColumn': {
      if (known.isFreshColumn(table, name)) return []
      const message = `column ${name} of ${label} is dropped with its values`
      return [
        { ...tableHazard('DROP_COLUMN', table, message, { known }), object: `${label}.${name}` },
      ]
    }
    case 'AT_AlterColumnType':
      return findTypeHazards(table, command, known)
    case 'AT_DropConstraint': {
      const message = `constraint ${name} of ${label} is dropped: what it kept out may come in`
      return [newHazard('DROP_CONSTRAINT', `${label}.${name}`, message, 'note')]
    }
    case 'AT_DetachPartition':
    case 'AT_DetachPartitionFinalize': {
      const partition = tableNameOf(asKind(command.def, 'PartitionCmd')?.name)
      const message = `${formatTableName(partition)} is no partition of ${label} any more: its rows are no longer seen there`
      return [newHazard('DETACH_PARTITION', formatTableName(partition), message, 'note')]
    }
    case 'AT_SetUnLogged': {
      const message = `${label} is emptied by the next crash of the server`
      return [newHazard('SET_UNLOGGED', label, message, 'note')]
    }
    default:
      return []
  }
}

function findTypeHazards(table: TableName, command: AlterTableCmd, known: KnownTables): Hazard[] {
  const { name = '' } = command
  const definition = asKind(command.def, 'ColumnDef')
  const to = toSqlType(definition?.typeName)
  if (to === undefined || known.isFreshColumn(table, name)) return []
  const from = known.findColumnType(table, name)
  const how = describeUsing(definition?.raw_default, name, { from, to })
  const change =
    how === 'computed'
      ? 'unknown'
      : how === 'kept'
        ? 'keeps'
        : compareTypes(from, to, how === 'cast')
  if (change === 'keeps') return []
  const label = formatTableName(table)
  const column = `column ${name} of ${label}`
  const fromTo =
    from === undefined ? `to ${formatType(to)}` : `from ${formatType(from)} to ${formatType(to)}`
  const what = {
    loses: `${column} goes ${fromTo}, which cuts or rounds values in silence`,
    refuses: `${column} goes ${fromTo}, which fails at the first value that does not fit`,
    unknown:
      how === 'computed'
        ? `${column} goes ${fromTo}, and USING computes its values anew`
        : `${column} goes ${fromTo}, which may be narrower than what it is`,
  }[change]
  const code = change === 'unknown' ? 'TYPE_MAY_NARROW' : 'TYPE_NARROWED'
  const severity = change === 'loses' ? 'loss' : 'doubt'
  const hazard = tableHazard(code, table, what, { known, severity })
  return [{ ...hazard, object: `${label}.${name}`, locationBytes: definition?.location }]
}

/**
 * What USING does to the values: nothing of its own (`plain`), a cast to the new type, something
 * that keeps them, or something that has to be looked at.
 */
function describeUsing(
  using: Node | undefined,
  column: string,
  { from, to }: { from: SqlType | undefined; to: SqlType },
): 'plain' | 'cast' | 'kept' | 'computed' {
  if (using === undefined || isColumn(using, column)) return 'plain'
  const cast = asKind(using, 'TypeCast')
  if (cast !== undefined && isColumn(cast.arg, column)) {
    const target = toSqlType(cast.typeName)
    return target !== undefined && formatType(target) === formatType(to) ? 'cast' : 'computed'
  }
  const call = asKind(using, 'FuncCall')
  const [zone, argument] = call?.args ?? []
  if (namesOf(call?.funcname).at(-1) !== 'timezone' || !isColumn(argument, column))
    return 'computed'
  // AT TIME ZONE is what a change between the two timestamp types should have; back again, only UTC has each hour once.
  const isUtc = /^(?:utc|gmt|z|etc\/utc)$/i.test(asKind(zone, 'A_Const')?.sval?.sval ?? '')
  const isToInstant = to.name === 'timestamptz' && from?.name !== 'timestamptz'
  return isToInstant || (isUtc && to.name === 'timestamp') ? 'kept' : 'computed'
}

function isColumn(node: Node | undefined, column: string): boolean {
  return namesOf(asKind(node, 'ColumnRef')?.fields).at(-1) === column
}

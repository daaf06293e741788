import { asKind, type Node } from '../migrations/sql-parser.ts'

/**
 * Says what a statement is that PostgreSQL refuses inside a transaction block; undefined for all others.
 *
 * Those are the callers of `PreventInTransactionBlock` in the server's source (utility.c and the
 * commands below it) that can be told from the text alone: REINDEX and CLUSTER of a partitioned
 * table, and procedures that commit, are found out only when they run.
 */
export function describeOutsideTransaction(node: Node): string | undefined {
  const reindex = asKind(node, 'ReindexStmt')
  if (reindex !== undefined) {
    if (hasOption(reindex.params, 'concurrently')) return 'REINDEX CONCURRENTLY'
    const isWide =
      reindex.kind !== 'REINDEX_OBJECT_INDEX' && reindex.kind !== 'REINDEX_OBJECT_TABLE'
    return isWide ? 'REINDEX of a schema, a database or the system' : undefined
  }
  if (asKind(node, 'IndexStmt')?.concurrent) return 'CREATE INDEX CONCURRENTLY'
  if (asKind(node, 'DropStmt')?.concurrent) return 'DROP INDEX CONCURRENTLY'
  if (asKind(node, 'VacuumStmt')?.is_vacuumcmd) return 'VACUUM'
  const cluster = asKind(node, 'ClusterStmt')
  if (cluster !== undefined && cluster.relation === undefined) return 'CLUSTER of all tables'
  const alterDatabase = asKind(node, 'AlterDatabaseStmt')
  if (hasOption(alterDatabase?.options, 'tablespace')) return 'ALTER DATABASE … SET TABLESPACE'
  if (asKind(node, 'DiscardStmt')?.target === 'DISCARD_ALL') return 'DISCARD ALL'
  const alterSubscription = asKind(node, 'AlterSubscriptionStmt')
  if (/REFRESH|PUBLICATION/.test(alterSubscription?.kind ?? '')) return 'ALTER SUBSCRIPTION'
  const detaches = (asKind(node, 'AlterTableStmt')?.cmds ?? []).some((item) => {
    const command = asKind(item, 'AlterTableCmd')
    return (
      command?.subtype === 'AT_DetachPartition' && asKind(command.def, 'PartitionCmd')?.concurrent
    )
  })
  if (detaches) return 'ALTER TABLE … DETACH PARTITION CONCURRENTLY'
  return NAMES.find(([kind]) => kind in node)?.[1]
}

const NAMES: readonly (readonly [kind: string, name: string])[] = [
  ['CreatedbStmt', 'CREATE DATABASE'],
  ['DropdbStmt', 'DROP DATABASE'],
  ['CreateTableSpaceStmt', 'CREATE TABLESPACE'],
  ['DropTableSpaceStmt', 'DROP TABLESPACE'],
  ['AlterSystemStmt', 'ALTER SYSTEM'],
  // Those that make or drop a replication slot, which most do.
  ['CreateSubscriptionStmt', 'CREATE SUBSCRIPTION'],
  ['DropSubscriptionStmt', 'DROP SUBSCRIPTION'],
]

function hasOption(options: readonly Node[] | undefined, name: string): boolean {
  return (options ?? []).some((option) => asKind(option, 'DefElem')?.defname === name)
}

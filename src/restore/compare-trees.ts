/**
 * What a checkout would change, table by table. Pure.
 */
import type { ManifestRef, TableEntry, Tree } from '../format/values.ts'
import { qualifiedName } from '../postgres/quote.ts'

export interface TableChange {
  namespace: string
  name: string
  /** What it is called now, where it gets another name. */
  renamedFrom: { namespace: string; name: string } | null
  /** `missing`: only the commit has it; `extra`: only the live database has it; `dataKept`: its rows are not the commit's to say. */
  change: 'unchanged' | 'changed' | 'missing' | 'extra' | 'dataKept'
  rowsBefore: number | null
  rowsAfter: number | null
  sizeBytesBefore: number | null
  sizeBytesAfter: number | null
}

/**
 * Compares the live tree with the commit's; sorted by namespace and name.
 *
 * @param live    with the names that things will have
 * @param former  the tables of `live` as they are called now, in the same order; as there when left out
 */
export function compareTables(
  live: Pick<Tree, 'tables'>,
  target: Pick<Tree, 'tables'>,
  former: readonly TableEntry[] = live.tables,
): TableChange[] {
  const formerNames = new Map(live.tables.map((table, each) => [table, former[each]!]))
  const liveTables = byName(live.tables)
  const targetTables = byName(target.tables)
  return [...new Set([...liveTables.keys(), ...targetTables.keys()])].sort().map((key) => {
    const before = liveTables.get(key)
    const after = targetTables.get(key)
    const { namespace, name } = formerNames.get(before!) ?? after!
    const isRenamed =
      before !== undefined && (before.namespace !== namespace || before.name !== name)
    return {
      // What goes is named as it is known; its new name is only there to be out of the way.
      ...(after === undefined
        ? { namespace, name, renamedFrom: null }
        : {
            namespace: after.namespace,
            name: after.name,
            renamedFrom: isRenamed ? { namespace, name } : null,
          }),
      change: changeOf(before, after),
      rowsBefore: before?.rows?.rowCount ?? null,
      rowsAfter: after?.rows?.rowCount ?? null,
      sizeBytesBefore: before?.rows?.sizeBytes ?? null,
      sizeBytesAfter: after?.rows?.sizeBytes ?? null,
    }
  })
}

function changeOf(
  before: TableEntry | undefined,
  after: TableEntry | undefined,
): TableChange['change'] {
  if (before === undefined) return 'missing'
  if (after === undefined) return 'extra'
  if (after.rows === null) return 'dataKept'
  const isSame =
    isSameStream(before.rows, after.rows) && before.columns.join('\0') === after.columns.join('\0')
  return isSame ? 'unchanged' : 'changed'
}

/** Qualified names of the tables whose rows, and positions of their own sequences, a tree leaves out. */
export function tablesWithoutRows({ tables }: Tree): ReadonlySet<string> {
  return new Set(tables.filter(({ rows }) => rows === null).map(qualifiedName))
}

export function isSameStream(a: ManifestRef | null, b: ManifestRef | null): boolean {
  return a?.rootId === b?.rootId
}

export function hasSameLargeObjects(
  { largeObjects: a }: Pick<Tree, 'largeObjects'>,
  { largeObjects: b }: Pick<Tree, 'largeObjects'>,
): boolean {
  return isSameStream(a.metadata, b.metadata) && isSameStream(a.pages, b.pages)
}

const byName = (tables: readonly TableEntry[]) =>
  new Map(tables.map((table) => [`${table.namespace}\0${table.name}`, table]))

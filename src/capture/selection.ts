import type { Selection } from '../format/values.ts'

/** Everything: what a commit holds unless told otherwise. */
export const WHOLE_DATABASE: Selection = {
  tables: [],
  excludeTables: [],
  excludeTableData: [],
  schemas: [],
  excludeSchemas: [],
}

/** Returns the selection with every list present. */
export function completeSelection(selection: Partial<Selection> | undefined): Selection {
  return { ...WHOLE_DATABASE, ...selection }
}

/**
 * Turns a selection into pg_dump's options, so that pg_dump's own patterns
 * decide what is in (manual, "psql", Patterns). `excludeTableData` chooses rows
 * and not schema; see `tableDataArguments`.
 */
export function schemaArguments(selection: Selection): string[] {
  return [
    ...selection.tables.map((pattern) => `--table=${pattern}`),
    ...selection.excludeTables.map((pattern) => `--exclude-table=${pattern}`),
    ...selection.schemas.map((pattern) => `--schema=${pattern}`),
    ...selection.excludeSchemas.map((pattern) => `--exclude-schema=${pattern}`),
  ]
}

/** Options under which a schema dump names exactly the tables whose rows are left out. */
export function excludedDataArguments(selection: Selection): string[] {
  return selection.excludeTableData.map((pattern) => `--table=${pattern}`)
}

/**
 * As in pg_dump, naming tables or schemas leaves out what belongs to neither:
 * large objects and the rows of extensions' configuration tables.
 */
export function isWholeDatabase(selection: Selection): boolean {
  return selection.tables.length === 0 && selection.schemas.length === 0
}

/** True when every object of the database is in, and only some rows may be left out. */
export function coversWholeSchema(selection: Selection): boolean {
  return schemaArguments(selection).length === 0
}

/** The selection itself says which schemas are in, so `public` is in only if pg_dump says so. */
export function namesSchemas(selection: Selection): boolean {
  return !isWholeDatabase(selection) || selection.excludeSchemas.length > 0
}

/** Returns the same selection with no rows left out. */
export const completeRows = (selection: Selection): Selection => ({
  ...selection,
  excludeTableData: [],
})

/**
 * The SQL by which a surgery is carried out, in the order of its phases. Pure.
 *
 * Between the phases rows are moved; `formatSurgeryScript` says where.
 */
import type { SchemaEntry, TableEntry } from '../format/values.ts'
import { qualifiedName } from '../postgres/quote.ts'
import { planCreation } from './plan-creation.ts'
import type { Surgery } from './plan-surgery.ts'
import { tableKey } from './plan-surgery.ts'
import type { Statement } from './statement.ts'

export interface SurgeryScript {
  /** What goes before rows are touched: all that would act on them. */
  lateDrops: Statement[]
  /** Empties the tables that are loaded as a whole. */
  truncation: Statement[]
  drops: Statement[]
  structure: Statement[]
  /** When rows are in place. */
  finish: Statement[]
  /** When materialized views have been refreshed. */
  eventTriggers: Statement[]
}

export interface SurgeryScriptOptions {
  /** Of the commit, in creation order. */
  entries: readonly SchemaEntry[]
  tables: readonly TableEntry[]
  serverVersionNumber: number
  currentUser: string
  withOwners: boolean
  withPrivileges: boolean
}

export function scriptOf(
  surgery: Surgery,
  { entries, tables, ...options }: SurgeryScriptOptions,
): SurgeryScript {
  const wanted = new Set([...surgery.created, ...surgery.altered.keys()])
  const creation = planCreation(
    entries.filter((entry) => wanted.has(entry)),
    { ...options, standing: (entry) => surgery.altered.get(entry), attachesLate: true },
  )
  const emptied = tables
    .filter((table) => surgery.rowSteps.get(tableKey(table)) === 'reload')
    .map((table) => `ONLY ${qualifiedName(table)}`)
  return {
    lateDrops: surgery.lateDrops,
    // One statement: tables that refer to each other can only be emptied together.
    truncation:
      emptied.length === 0
        ? []
        : [{ subject: 'rows of tables', sql: `TRUNCATE ${emptied.join(', ')}` }],
    drops: surgery.drops,
    structure: creation.beforeRows,
    finish: [...surgery.tighten, ...creation.afterRows, ...creation.privileges],
    eventTriggers: creation.eventTriggers,
  }
}

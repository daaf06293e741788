import type { Condition } from './condition.ts'

/** What may happen to one table without an alarm. */
export interface TableRules {
  /** How many percent of its rows it may have fewer, 0 to 100; null: any number. */
  maxLossPercent: number | null
  /** Whether it may have fewer rows than before. */
  mayShrink: boolean
  /** Whether rows may be deleted, whatever is inserted instead. */
  mayDelete: boolean
  mayUpdate: boolean
  /** Whether the table may go. */
  mayGo: boolean
  /** Whether any of its columns may go. */
  mayLoseColumns: boolean
}

export interface Rules {
  /** For tables that no pattern matches, and for what a pattern says nothing of. */
  default: TableRules
  /** In order: where two match a table and say different things, the later one counts. */
  tables: PatternRules[]
  /** Conditions that must not come true. */
  alarmIf: Condition[]
}

export interface PatternRules {
  /** As `matchRelations` takes it: `orders`, `sales.orders`, `audit.*`. */
  pattern: string
  rules: Partial<TableRules>
}

/** Nothing a migration does as a matter of course raises an alarm; losing half a table does. */
export const DEFAULT_TABLE_RULES: TableRules = {
  maxLossPercent: 50,
  mayShrink: true,
  mayDelete: true,
  mayUpdate: true,
  mayGo: false,
  mayLoseColumns: false,
}

export const DEFAULT_RULES: Rules = { default: DEFAULT_TABLE_RULES, tables: [], alarmIf: [] }

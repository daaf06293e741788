/**
 * What a checkout would do, as a value: shown by `--dry-run`, confirmed by a
 * person, carried out by `applyCheckout`.
 */
import type { HeadValue } from '../format/ref-record.ts'
import type { CatalogFact, Commit, ObjectId, SchemaEntry, Tree } from '../format/values.ts'
import type { SchemaDifference } from '../schema/compare-schemas.ts'
import type { TableChange } from './compare-trees.ts'
import type { Rename } from './plan-renames.ts'
import type { PlannedChange } from './restore-in-place.ts'

export interface CheckoutPlan {
  /** `inPlace` changes the database that is addressed, `into` makes a new one. */
  kind: 'inPlace' | 'into'
  /** What HEAD's reflog will say of it. */
  reason: 'checkout' | 'undo'
  /** As the user typed it. */
  revision: string
  commitId: ObjectId
  commit: Commit
  tree: Tree
  /** The commit's schema entries, in creation order. */
  schemaEntries: readonly SchemaEntry[]
  /** What the catalog knew of them when they were captured, one for each. */
  catalogFacts: readonly CatalogFact[]
  database: {
    name: string
    /** `user@host:port/name`. */
    address: string
    serverVersion: string
    serverVersionNumber: number
    systemIdentifier: string | null
  }
  headBefore: HeadValue
  headAfter: HeadValue
  /** The live database equals the commit already. */
  isNoOp: boolean
  /** What only gets its name back, and is called so in all that follows. */
  renames: Rename[]
  /** From the live database to the commit: `missing` will be created, `extra` dropped, `different` rebuilt. */
  schema: SchemaDifference[]
  tables: TableChange[]
  sequencesDiffer: boolean
  largeObjects: { countBefore: number; countAfter: number; differ: boolean }
  /** Objects read and checked before anything is touched. */
  verified: { objectCount: number; sizeBytes: number }
  warnings: { code: string; subject: string; detail: string }[]
  /** The live state that was read, and how it becomes the commit's; null where nothing is changed in place. */
  inPlace: PlannedChange | null
}

/** Rows and objects of the live database that the commit does not have. */
export interface PlannedLoss {
  /** Tables that will go, with the rows they hold now. */
  tablesDropped: TableChange[]
  /** Tables whose rows will be replaced. */
  tablesReplaced: TableChange[]
  /** Schema entries that will go or change, tables not among them. */
  schemaEntries: SchemaDifference[]
}

/** Says what carrying out a plan takes away from the live database. Pure. */
export function lossOf(plan: Pick<CheckoutPlan, 'tables' | 'schema'>): PlannedLoss {
  return {
    tablesDropped: plan.tables.filter(({ change }) => change === 'extra'),
    tablesReplaced: plan.tables.filter(({ change }) => change === 'changed'),
    schemaEntries: plan.schema.filter(
      (difference) => difference.kind !== 'missing' && difference.found.kind !== 'TABLE',
    ),
  }
}

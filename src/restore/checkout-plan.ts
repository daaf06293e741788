/**
 * What a checkout would do, as a value: shown by `--dry-run`, confirmed by a
 * person, carried out by `applyCheckout`.
 */
import type { Blocker } from '../errors.ts'
import type { HeadValue } from '../format/ref-record.ts'
import type { CatalogFact, Commit, ObjectId, SchemaEntry, Tree } from '../format/values.ts'
import type { SchemaDifference } from '../schema/compare-schemas.ts'
import type { PartRequested } from './checkout-part.ts'
import type { TableChange } from './compare-trees.ts'
import type { PlannedChange } from './plan-change.ts'

export interface CheckoutPart {
  /** `schema`: definitions, rows stay; `data`: rows, definitions stay. */
  aspect: 'all' | 'schema' | 'data'
  /** Tables, views and sequences, those that others needed among them; null: all. */
  relations: { namespace: string; name: string }[] | null
  /** What else they needed and is restored with them: `TYPE public.mood`. */
  others: string[]
}

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
  /** What was asked for; null: everything. */
  requested: PartRequested | null
  /** What of the commit is restored; null: all of it. */
  part: CheckoutPart | null
  /** Sessions that were ended because they kept the live database from being read. */
  terminated: Blocker[]
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

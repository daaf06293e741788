/**
 * What a checkout would do, as a value: shown by `--dry-run`, confirmed by a
 * person, carried out by `applyCheckout`.
 */
import type { Blocker } from '../errors.ts'
import type { HeadValue } from '../format/ref-record.ts'
import type { CatalogFact, Commit, ObjectId, SchemaEntry, Tree } from '../format/values.ts'
import type { SchemaDifference } from '../schema/compare-schemas.ts'
import type { SourceDiff } from '../sources/diff-sources.ts'
import type { PartRequested } from './checkout-part.ts'
import type { TableChange } from './compare-trees.ts'
import type { ChangeOutline } from './outline-change.ts'
import type { PlannedChange } from './plan-change.ts'

export interface CheckoutPart {
  /** `schema`: definitions, rows stay; `data`: rows, definitions stay. */
  aspect: 'all' | 'schema' | 'data'
  /** Tables, views and sequences, those that others needed among them; null: all. */
  relations: { namespace: string; name: string }[] | null
  /** What else they needed and is restored with them: `TYPE public.mood`. */
  others: string[]
}

/** What becomes of other datastores. */
export interface PlannedSources {
  /** From what there is to what the commit holds. */
  changes: SourceDiff[]
  /** Those that equal the commit already. */
  unchanged: string[]
  leftAlone: { name: string; because: 'notConfigured' | 'notCommitted' | 'noRestoreCommand' }[]
}

/** What a plan says for people and other programs: without what a commit holds. */
export interface CheckoutSummary {
  /** `inPlace` changes the database that is addressed, `into` makes a new one. */
  kind: 'inPlace' | 'into'
  /** What HEAD's reflog will say of it; a wipe is a checkout of an empty state. */
  reason: 'checkout' | 'undo' | 'wipe'
  /** As the user typed it. */
  revision: string
  commitId: ObjectId
  commit: Commit
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
  /** What of the commit is restored; null: all of it. */
  part: CheckoutPart | null
  /** Sessions that were ended because they kept the live database from being read. */
  terminated: Blocker[]
  /** From the live database to what is aimed at; empty where a new database is made. */
  schema: SchemaDifference[]
  tables: TableChange[]
  /** What will be done and lost; null where nothing is changed in place. */
  outline: ChangeOutline | null
  largeObjects: { countBefore: number; countAfter: number; differ: boolean }
  /** Empty where only the database, or a part of it, is restored. */
  sources: PlannedSources
  /**
   * Objects of the database read and checked before anything is touched; null where a new database
   * is going to be made: there they are checked as they are loaded, and it goes again with the first
   * that is damaged.
   */
  verified: { objectCount: number; sizeBytes: number } | null
  warnings: { code: string; subject: string; detail: string }[]
}

export interface CheckoutPlan extends CheckoutSummary {
  tree: Tree
  /** The commit's schema entries, in creation order. */
  schemaEntries: readonly SchemaEntry[]
  /** What the catalog knew of them when they were captured, one for each. */
  catalogFacts: readonly CatalogFact[]
  /** What was asked for; null: everything. */
  requested: PartRequested | null
  /** The live state that was read, and how it becomes the commit's; null where nothing is changed in place. */
  inPlace: PlannedChange | null
}

/**
 * The public API: everything the program is made of, for other programs too.
 *
 * Re-exports only. Nothing behind it touches a terminal, the process or its environment.
 */

export type { Backend } from './backend/backend.ts'
export { LocalBackend } from './backend/local-backend.ts'
export { MemoryBackend } from './backend/memory-backend.ts'
export {
  type CaptureTotals,
  type CommitOptions,
  type CommitResult,
  commit,
} from './capture/commit.ts'
export { type DatabaseSummary, inspectDatabase } from './capture/inspect-database.ts'
export { type ColumnComparison, compareColumns } from './diff/column-comparison.ts'
export {
  captureLiveState,
  type DatabaseState,
  type LiveStateOptions,
  readCommittedState,
} from './diff/database-state.ts'
export {
  type DiffOptions,
  diffStates,
  diffTableRows,
  type LargeObjectChanges,
  listChangedTables,
  type SchemaEntryChange,
  type StateDiff,
  type TableDiff,
  type TablePair,
  type ValueChange,
} from './diff/diff-states.ts'
export { formatUnifiedDiff } from './diff/line-diff.ts'
export type { RowChange, RowCounts, RowDiffOptions } from './diff/row-diff.ts'
export {
  type Blocker,
  type ErrorCode,
  type ErrorData,
  InvariantError,
  isSnapError,
  type PostgresErrorData,
  SnapError,
} from './errors.ts'
export type { Phase, Reporter, SnapEvent } from './events.ts'
export { type ExportedFile, listExportFiles } from './export/directory-export.ts'
export { type ExportedCommit, type ExportOptions, formatPlainDump } from './export/plain-dump.ts'
export {
  planTransition,
  type Transition,
  type TransitionGap,
  type TransitionRows,
} from './export/plan-transition.ts'
export { formatTableRows, type RowFormat } from './export/table-rows.ts'
export { formatTransition } from './export/transition-script.ts'
export { decodeField, splitFields } from './format/copy-text.ts'
export { formatCsvLine } from './format/csv.ts'
export { findMetadataKind } from './format/metadata-object.ts'
export { isObjectId, shortId } from './format/object-id.ts'
export type {
  Author,
  CheckoutReason,
  HeadValue,
  MoveReason,
  PartOfDatabase,
  RefReason,
  RefRecord,
} from './format/ref-record.ts'
export type * from './format/values.ts'
export { resolveRevision } from './history/revisions.ts'
export { walkCommits } from './history/walk-commits.ts'
export type { Finding, FindingCode } from './maintenance/finding.ts'
export { type FsckReport, fsck } from './maintenance/fsck.ts'
export {
  type DatabaseAddress,
  describeAddress,
  withDatabase,
} from './postgres/address/database-address.ts'
export { resolveDatabaseAddress } from './postgres/address/resolve-database-address.ts'
export { openSession, type Session, type SessionOptions } from './postgres/session.ts'
export { moveHead, readHead } from './refs/head.ts'
export {
  BRANCH_PREFIX,
  branchRefName,
  HEAD,
  SAFETY_REF,
  shortRefName,
  TAG_PREFIX,
  tagRefName,
} from './refs/ref-name.ts'
export type { Ref, RefMove, RefStore } from './refs/ref-store.ts'
export {
  applyCheckout,
  type CheckoutResult,
  type RestoredTotals,
} from './restore/apply-checkout.ts'
export type { CheckoutPart, CheckoutPlan } from './restore/checkout-plan.ts'
export { formatCheckoutSql } from './restore/checkout-sql.ts'
export { compareTables, type TableChange } from './restore/compare-trees.ts'
export type {
  ChangeOutline,
  Loss,
  SchemaStep,
  SequenceStep,
  TableStep,
} from './restore/outline-change.ts'
export { type CheckoutOptions, planCheckout } from './restore/plan-checkout.ts'
export type { Rename } from './restore/plan-renames.ts'
export { readSchemaEntries } from './restore/read-schema.ts'
export { planUndo } from './restore/undo.ts'
export { describeDifference, type SchemaDifference } from './schema/compare-schemas.ts'
export { chooseRelations, type RelationName } from './schema/relation-pattern.ts'
export { findStoreDirectory, initStore, openStore, STORE_DIRECTORY_NAME, Store } from './store.ts'
export { VERSION } from './version.ts'

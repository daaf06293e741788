/**
 * The part of the public API that works on stores alone: history, comparisons of commits, fsck, gc.
 *
 * A program that needs no database starts several times as fast with it, because neither `pg` nor
 * what captures, restores and parses SQL is loaded. Everything here is in `index.ts` too.
 */

export type { Backend, BackendEntry } from './backend/backend.ts'
export { LocalBackend } from './backend/local-backend.ts'
export { MemoryBackend } from './backend/memory-backend.ts'
export { findClosestName } from './closest-name.ts'
export { type ColumnComparison, compareColumns } from './diff/column-comparison.ts'
export { readCommittedState } from './diff/committed-state.ts'
export type { DatabaseState } from './diff/database-state.ts'
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
  type ConfigProblem,
  type ErrorCode,
  type ErrorData,
  type FileProblem,
  InvariantError,
  isSnapError,
  type MigrationFailure,
  type PostgresErrorData,
  SnapError,
  type SourceState,
} from './errors.ts'
export type { Phase, Reporter, SnapEvent } from './events.ts'
export { readTablePage } from './export/table-page.ts'
export { formatTableRows, type RowFormat } from './export/table-rows.ts'
export { decodeField, splitFields } from './format/copy-text.ts'
export { formatCsvLine } from './format/csv.ts'
export { findMetadataKind } from './format/metadata-object.ts'
export { isObjectId, shortId } from './format/object-id.ts'
export type {
  OperationChanges,
  OperationEnd,
  OperationKept,
  OperationStart,
} from './format/operation-record.ts'
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
export { findNewestCommit } from './history/find-newest-commit.ts'
export { orderHistory } from './history/order-history.ts'
export { MIGRATION_REVISION_PREFIX, resolveRevision } from './history/revisions.ts'
export { type CommitWithId, type HistorySource, walkCommits } from './history/walk-commits.ts'
export type { Finding, FindingCode } from './maintenance/finding.ts'
export { type FsckReport, fsck } from './maintenance/fsck.ts'
export {
  collectGarbage,
  type GcOptions,
  type GcResult,
  planGarbageCollection,
} from './maintenance/gc.ts'
export { nameCommit } from './maintenance/name-commit.ts'
export { listPins, type Pin, pinCommit, unpinCommit } from './maintenance/pins.ts'
export type { GcPlan, PackDecision, PackUsage, PackVerdict } from './maintenance/plan-gc.ts'
export {
  type KeepReason,
  type PruneDecision,
  type PrunePlan,
  type RetentionPolicy,
  removalsOf,
} from './maintenance/plan-prune.ts'
export {
  applyPrune,
  type PruneOptions,
  type PrunePreview,
  type PruneResult,
  previewPrune,
} from './maintenance/prune.ts'
export { withSoleOperation } from './maintenance/sole-operation.ts'
export { withScratchDirectory } from './objects/with-scratch-directory.ts'
export {
  findOperationState,
  type NewOperation,
  type OpenOperation,
  type Operation,
  type OperationLog,
  type OperationOutcome,
} from './operations/operation-log.ts'
export { newRedactor, redactArguments } from './operations/redact-arguments.ts'
export { moveHead, readHead } from './refs/head.ts'
export {
  BRANCH_PREFIX,
  branchRefName,
  HEAD,
  PIN_PREFIX,
  SAFETY_REF,
  shortRefName,
  TAG_PREFIX,
  tagRefName,
} from './refs/ref-name.ts'
export type { Ref, RefMove, RefStore } from './refs/ref-store.ts'
export { compareTables, type TableChange } from './restore/compare-trees.ts'
export { readSchemaEntries } from './restore/read-schema.ts'
export { describeDifference, type SchemaDifference } from './schema/compare-schemas.ts'
export { chooseRelations, type RelationName } from './schema/relation-pattern.ts'
export type { FileChange } from './sources/compare-files.ts'
export { type SourceDiff, sizeBytesOf } from './sources/diff-sources.ts'
export { listSourceFiles, readSourceFile, readSourceOutput } from './sources/read-source.ts'
export type { Source } from './sources/source.ts'
export { findStoreDirectory, initStore, openStore, STORE_DIRECTORY_NAME, Store } from './store.ts'
export { VERSION } from './version.ts'

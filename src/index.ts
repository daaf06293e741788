/**
 * The public API: everything the program is made of, for other programs too.
 *
 * Re-exports only. Nothing behind it touches a terminal, the process or its environment.
 */

export { type Condition, formatCondition } from './alarms/condition.ts'
export {
  type ConditionEvidence,
  type ConditionOutcome,
  evaluateCondition,
  findConditionProblems,
} from './alarms/evaluate-condition.ts'
export { type Alarm, type AlarmCode, findAlarms } from './alarms/find-alarms.ts'
export { parseCondition } from './alarms/parse-condition.ts'
export { DEFAULT_RULES, type Rules, type TableRules } from './alarms/rules.ts'
export { type MeasuredState, measureTables, type TableMeasures } from './alarms/table-measures.ts'
export type { Backend, BackendEntry } from './backend/backend.ts'
export { LocalBackend } from './backend/local-backend.ts'
export { MemoryBackend } from './backend/memory-backend.ts'
export type { Reading } from './capture/capture-database.ts'
export {
  type CaptureTotals,
  type CommitOptions,
  type CommitResult,
  commit,
} from './capture/commit.ts'
export { type DatabaseMoment, isDatabaseStillAt } from './capture/database-moment.ts'
export { type CommitEstimate, estimateFirstCommit } from './capture/estimate-first-commit.ts'
export { type DatabaseSummary, inspectDatabase } from './capture/inspect-database.ts'
export { readMigrationHeads } from './capture/read-migration-heads.ts'
export { findClosestName } from './closest-name.ts'
export {
  CONFIG_FILE_NAME,
  type Config,
  DEFAULT_CONFIG,
  type MigrateConfig,
  type ProtectedPattern,
  type SourceSettings,
} from './config/config.ts'
export { type ConfigPath, formatConfigKey, parseConfigKey } from './config/config-key.ts'
export { addDatabase, type DatabaseList, removeDatabases } from './config/edit-config.ts'
export { CONFIG_SCHEMA, formatConfigProblem, parseConfig } from './config/parse-config.ts'
export {
  findSetting,
  getSettingSchema,
  listSettings,
  removeSetting,
  type Setting,
  setSetting,
} from './config/settings.ts'
export type { ValueSchema } from './config/value-schema.ts'
export { type ColumnComparison, compareColumns } from './diff/column-comparison.ts'
export { readCommittedState } from './diff/committed-state.ts'
export {
  captureLiveState,
  type DatabaseState,
  type LiveDatabaseState,
  type LiveStateOptions,
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
export { readStatus, type StatusOptions } from './diff/read-status.ts'
export type { RowChange, RowCounts, RowDiffOptions } from './diff/row-diff.ts'
export type { Diagnosis, DiagnosisLevel } from './doctor/diagnosis.ts'
export { examineStore, type StoreFacts } from './doctor/examine-store.ts'
export { judgeServer } from './doctor/judge-server.ts'
export { judgeStore, type StorePlace } from './doctor/judge-store.ts'
export { type GrantPlan, planGrants } from './doctor/plan-grants.ts'
export {
  readServerFacts,
  type ServerFacts,
  type TableFacts,
} from './doctor/read-server-facts.ts'
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
export { type ExportedFile, listExportFiles } from './export/directory-export.ts'
export { type ExportedCommit, type ExportOptions, formatPlainDump } from './export/plain-dump.ts'
export {
  planTransition,
  type Transition,
  type TransitionGap,
  type TransitionRows,
} from './export/plan-transition.ts'
export { readTablePage } from './export/table-page.ts'
export { formatTableRows, type RowFormat } from './export/table-rows.ts'
export { formatTransition } from './export/transition-script.ts'
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
export {
  type Imported,
  type ImportOptions,
  importDumps,
  type TableImportOptions,
} from './import/import-dumps.ts'
export { type Dump, inspectDump } from './import/inspect-dump.ts'
export type { LoadedTable, RejectedFileRow } from './import/restore-tables.ts'
export {
  inspectExport,
  inspectExportDirectory,
  isTableFile,
  type TableExport,
  type TableFile,
} from './import/table-export.ts'
export type { RowSource } from './load/decode-text.ts'
export {
  type LoadOptions,
  type LoadResult,
  loadRows,
  prepareLoad,
  type RejectedRow,
  rejectedError,
} from './load/load-rows.ts'
export type { LoadedSequence } from './load/move-sequences.ts'
export type { LoadPlan, LoadWishes } from './load/plan-load.ts'
export {
  findRowFormat,
  type RowFileFormat,
  type RowOptions,
  readRecords,
} from './load/read-records.ts'
export type { FileRecord, Records } from './load/records.ts'
export type { TargetColumn, TargetTable } from './load/target-table.ts'
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
export { type Forecast, type GrowthPoint, planForecast } from './maintenance/plan-forecast.ts'
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
export {
  type CommitStats,
  readStoreStats,
  type StatsOptions,
  type StoreStats,
  type TableStats,
} from './maintenance/store-stats.ts'
export type { HistoryEntry, HistoryPlace } from './migrate/history-table.ts'
export {
  type MigrationRun,
  type MigrationRunOptions,
  openMigrationRun,
  type TriedMigration,
} from './migrate/migration-run.ts'
export {
  type MigrationPlan,
  type MigrationStatus,
  planMigrations,
  requireApplicable,
} from './migrate/plan-migrations.ts'
export {
  formatFileProblem,
  type Migration,
  type MigrationSource,
  readMigrations,
} from './migrate/read-migration.ts'
export { type ExamineOptions, examineScripts } from './migrations/examine-scripts.ts'
export {
  describeOtherLanguage,
  findPendingMigrations,
  type MigrationFile,
  type PendingMigration,
} from './migrations/pending-migrations.ts'
export type { SqlFinding, SqlFindingCode, SqlSeverity } from './migrations/sql-finding.ts'
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
export {
  type DatabaseAddress,
  describeAddress,
  withDatabase,
} from './postgres/address/database-address.ts'
export { parseDotenv } from './postgres/address/dotenv-file.ts'
export {
  parseDatabaseAddress,
  resolveDatabaseAddress,
} from './postgres/address/resolve-database-address.ts'
export { findNearAddresses, type NearAddress } from './postgres/discovery/near-addresses.ts'
export { openSession, type Session, type SessionOptions } from './postgres/session.ts'
export {
  findProtection,
  matchesPattern,
  type ProtectionReason,
} from './protection/find-protection.ts'
export type { ProductionSign } from './protection/production-signs.ts'
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
export {
  applyCheckout,
  type CheckoutResult,
  type RestoredTotals,
} from './restore/apply-checkout.ts'
export type {
  CheckoutPart,
  CheckoutPlan,
  CheckoutSummary,
  PlannedSources,
} from './restore/checkout-plan.ts'
export { formatCheckoutSql } from './restore/checkout-sql.ts'
export { compareTables, type TableChange } from './restore/compare-trees.ts'
export type { WipeScope } from './restore/emptied-state.ts'
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
export { planReturn, planRollback, readLastChange } from './restore/rollback.ts'
export { planUndo } from './restore/undo.ts'
export {
  applyWipe,
  planWipe,
  type WipeOptions,
  type WipePlan,
  type WipeSummary,
} from './restore/wipe.ts'
export { describeDifference, type SchemaDifference } from './schema/compare-schemas.ts'
export { chooseRelations, type RelationName } from './schema/relation-pattern.ts'
export type { FileChange } from './sources/compare-files.ts'
export { type SourceDiff, sizeBytesOf } from './sources/diff-sources.ts'
export { type ExportedSources, exportSources } from './sources/export-sources.ts'
export {
  listSourceFiles,
  readSourceFile,
  readSourceOutput,
  type SourceFile,
} from './sources/read-source.ts'
export type { RestoredSource } from './sources/restore-sources.ts'
export type { Source } from './sources/source.ts'
export { findStoreDirectory, initStore, openStore, STORE_DIRECTORY_NAME, Store } from './store.ts'
export { VERSION } from './version.ts'

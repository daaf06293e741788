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
export {
  captureLiveState,
  type LiveDatabaseState,
  type LiveStateOptions,
} from './diff/database-state.ts'
export { readStatus, type StatusOptions } from './diff/read-status.ts'
export type { Diagnosis, DiagnosisLevel } from './doctor/diagnosis.ts'
export { examineStore, type StoreFacts } from './doctor/examine-store.ts'
export { judgeServer } from './doctor/judge-server.ts'
export { judgeStore, type StorePlace } from './doctor/judge-store.ts'
export { type GrantPlan, planGrants } from './doctor/plan-grants.ts'
export { readServerFacts, type ServerFacts, type TableFacts } from './doctor/read-server-facts.ts'
export { type ExportedFile, listExportFiles } from './export/directory-export.ts'
export { type ExportedCommit, type ExportOptions, formatPlainDump } from './export/plain-dump.ts'
export {
  planTransition,
  type Transition,
  type TransitionGap,
  type TransitionRows,
} from './export/plan-transition.ts'
export { formatTransition } from './export/transition-script.ts'
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
export { type Forecast, type GrowthPoint, planForecast } from './maintenance/plan-forecast.ts'
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
export { planReturn, planRollback, readLastChange } from './restore/rollback.ts'
export { planUndo } from './restore/undo.ts'
export {
  applyWipe,
  planWipe,
  type WipeOptions,
  type WipePlan,
  type WipeSummary,
} from './restore/wipe.ts'
export { type ExportedSources, exportSources } from './sources/export-sources.ts'
export type { SourceFile } from './sources/read-source.ts'
export type { RestoredSource } from './sources/restore-sources.ts'
export * from './store-index.ts'

import {
  type DatabaseState,
  describeOtherLanguage,
  examineScripts,
  findPendingMigrations,
  type MigrationHead,
  readCommittedState,
  readHead,
  type SqlFinding,
  type Store,
} from '../../src/index.ts'
import type { InputFile } from '../input-files.ts'

/** What SQL files would do to the data. */
export interface SqlCheck {
  files: CheckedFile[]
  findings: SqlFinding[]
}

export interface CheckedFile {
  file: string
  /** Only `checked` files were looked into. */
  status: 'checked' | 'applied' | 'notSql' | 'wayBack'
  /** Why it has this status; null where nobody wonders. */
  reason: string | null
}

/** Checks all of the files, each on its own. */
export async function checkFiles(
  files: readonly InputFile[],
  { state, signal }: { state: DatabaseState | null; signal: AbortSignal },
): Promise<SqlCheck> {
  const statuses = files.map(({ file }): CheckedFile => {
    const reason = describeOtherLanguage(file) ?? null
    return { file, status: reason === null ? 'checked' : 'notSql', reason }
  })
  const scripts = files.filter((_, position) => statuses[position]!.status === 'checked')
  const findings = await examineScripts(scripts, { state, isSequence: false, signal })
  return { files: statuses, findings }
}

/** Checks the migrations that the database has not seen, as one sequence. */
export async function checkPending(
  files: readonly InputFile[],
  options: { heads: readonly MigrationHead[]; state: DatabaseState | null; signal: AbortSignal },
): Promise<SqlCheck> {
  const { heads, state, signal } = options
  const sorted = findPendingMigrations(files, heads).map(({ migration, status, reason }) => ({
    migration,
    reason,
    status: status === 'pending' || status === 'unknown' ? ('checked' as const) : status,
  }))
  const scripts = sorted.filter(({ status }) => status === 'checked')
  return {
    files: sorted.map(({ migration, status, reason }) => ({
      file: migration.file,
      status,
      reason,
    })),
    findings: await examineScripts(
      scripts.map(({ migration }) => migration),
      { state, isSequence: true, signal },
    ),
  }
}

/** Returns the state that HEAD holds: what is known of the tables without a database; null before the first commit. */
export async function readHeadState(store: Store): Promise<DatabaseState | null> {
  const { id } = await readHead(store.refs)
  return id === null ? null : readCommittedState(store, id)
}

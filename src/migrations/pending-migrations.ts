/**
 * Which migration files a database has not seen yet, by the names that tools give them. Pure.
 *
 * A tool's bookkeeping table names the newest migration applied; where the file
 * names say what comes after it, older files are done with. Where they do not
 * (sqitch orders by its plan, liquibase by its changelog), every file may be pending.
 */
import { createHash } from 'node:crypto'
import type { MigrationHead } from '../format/values.ts'

export interface MigrationFile {
  /** Relative, with forward slashes: `db/migrations/0004_drop.up.sql`. */
  file: string
  source: string
}

export interface PendingMigration<F extends { file: string }> {
  migration: F
  /** `unknown`: nothing says that it has been applied, so it is taken for pending. */
  status: 'pending' | 'applied' | 'unknown' | 'notSql' | 'wayBack'
  /** For people: why. */
  reason: string
}

/**
 * Tells which files are pending, in the order in which tools apply them: by name, numbers as numbers.
 *
 * A file counts as applied only when every tool that can tell says so.
 */
export function findPendingMigrations<F extends MigrationFile>(
  files: readonly F[],
  heads: readonly MigrationHead[],
): PendingMigration<F>[] {
  const sorted = [...files].sort((left, right) => compareNames(left.file, right.file))
  return sorted.map((migration) => {
    const { file } = migration
    const other = describeOtherLanguage(file)
    if (other !== undefined) return { migration, status: 'notSql', reason: other }
    if (isWayBack(file)) {
      return { migration, status: 'wayBack', reason: 'run only to go back' }
    }
    const verdicts = heads.flatMap((head) => {
      const isApplied = TOOLS[head.tool]?.(migration, head.heads, sorted)
      return isApplied === undefined ? [] : [{ isApplied, head }]
    })
    if (verdicts.length === 0) {
      const tools = [...new Set(heads.map(({ tool }) => tool))].join(', ')
      const reason =
        tools === ''
          ? 'no migration tool has left a trace in the database'
          : `its name does not tell ${tools} apart from what has been applied`
      return { migration, status: 'unknown', reason }
    }
    const notApplied = verdicts.find(({ isApplied }) => !isApplied)
    const { tool, heads: at } = (notApplied ?? verdicts[0]!).head
    const where = `${tool} is at ${at.join(', ') || 'nothing yet'}`
    return { migration, status: notApplied === undefined ? 'applied' : 'pending', reason: where }
  })
}

/** Says whether a file has been applied; undefined where its name does not tell. */
type IsApplied = (
  migration: MigrationFile,
  heads: readonly string[],
  all: readonly MigrationFile[],
) => boolean | undefined

const TOOLS: Readonly<Record<string, IsApplied>> = {
  // migrations/20240131120000_init/migration.sql
  prisma: ({ file }, [head]) => {
    const [name, directory] = file.split('/').reverse()
    if (name !== 'migration.sql' || directory === undefined) return undefined
    return head !== undefined && compareNames(directory, head) <= 0
  },
  // V1.2__add_users.sql; R__views.sql runs whenever it has changed.
  flyway: ({ file }, [head]) => {
    const name = nameOf(file)
    if (/^R__/.test(name)) return false
    const version = /^V([\d._]+?)__/.exec(name)?.[1]
    if (version === undefined) return undefined
    return head !== undefined && compareVersions(version, head) <= 0
  },
  // 000004_drop.up.sql
  'golang-migrate': byNumberUnlessDirty,
  rails: byNumber,
  ecto: byNumber,
  goose: byNumber,
  postgrator: byNumber,
  refinery: byNumber,
  sqlx: byNumberUnlessDirty,
  // The whole name stands there; a file that was begun and not finished comes first.
  snap: (migration, [head]) => {
    if (head === undefined) return false
    const order = compareNames(nameOf(migration.file), head.replace(/ \(unfinished\)$/, ''))
    return head.endsWith(' (unfinished)') ? order < 0 : order <= 0
  },
  supabase: byNumber,
  yoyo: byName,
  'graphile-migrate': byName,
  'node-pg-migrate': byName,
  'postgres-migrations': byNumber,
  'sql-migrate': byName,
  schema_migrations: byNumber,
  schema_versions: byNumber,
  knex: byName,
  sequelize: byName,
  // The table holds the SHA-256 of the file; files are numbered.
  drizzle: (migration, [head], all) => {
    if (head === undefined) return false
    const newest = all.findIndex(({ source }) => sha256(source) === head)
    return newest === -1 ? undefined : all.indexOf(migration) <= newest
  },
}

function byNumber({ file }: MigrationFile, [head]: readonly string[]): boolean | undefined {
  const number = numberOf(file)
  if (number === '') return undefined
  return head !== undefined && /^\d+/.test(head) && compareNumbers(number, head) <= 0
}

/** A dirty version is one that failed half-way. */
function byNumberUnlessDirty(
  migration: MigrationFile,
  [head = '']: readonly string[],
): boolean | undefined {
  const isDirty = head.endsWith(' (dirty)')
  const isApplied = byNumber(migration, [head.replace(' (dirty)', '')])
  return isDirty && isApplied ? compareNumbers(numberOf(migration.file), head) < 0 : isApplied
}

function byName({ file }: MigrationFile, [head]: readonly string[]): boolean | undefined {
  const bare = (name: string) => name.replace(/\.[^.]*$/, '')
  if (head === undefined) return false
  return numberOf(file) === '' ? undefined : compareNames(bare(nameOf(file)), bare(head)) <= 0
}

/** The digits that a name begins with. */
function numberOf(file: string): string {
  return /^\d+/.exec(nameOf(file))?.[0] ?? ''
}

function compareNumbers(left: string, right: string): number {
  const [a, b] = [BigInt(/^\d+/.exec(left)![0]), BigInt(/^\d+/.exec(right)![0])]
  return a < b ? -1 : a > b ? 1 : 0
}

/** Compares `1.2` and `1_10` part by part, as numbers. */
function compareVersions(left: string, right: string): number {
  const parts = (version: string) => version.split(/[._]/).filter((part) => /^\d+$/.test(part))
  const [a, b] = [parts(left), parts(right)]
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const order = compareNumbers(a[i] ?? '0', b[i] ?? '0')
    if (order !== 0) return order
  }
  return 0
}

const OTHER_LANGUAGES: Readonly<Record<string, string>> = {
  py: 'it is Python: check what it runs (alembic upgrade --sql, manage.py sqlmigrate)',
  rb: 'it is Ruby: check what it runs',
  exs: 'it is Elixir: check what it runs',
  js: 'it is JavaScript: check what it runs',
  cjs: 'it is JavaScript: check what it runs',
  mjs: 'it is JavaScript: check what it runs',
  ts: 'it is TypeScript: check what it runs',
  go: 'it is Go: check what it runs',
  java: 'it is Java: check what it runs',
  xml: 'it is XML: check what it runs (liquibase update-sql)',
  yaml: 'it is YAML: check what it runs (liquibase update-sql)',
  yml: 'it is YAML: check what it runs (liquibase update-sql)',
  json: 'it is JSON: check what it runs (liquibase update-sql)',
}

/** Returns why a file is no SQL, by the end of its name; undefined when it may be. */
export function describeOtherLanguage(file: string): string | undefined {
  const extension = /\.([^./]+)$/.exec(file)?.[1] ?? ''
  return OTHER_LANGUAGES[extension.toLowerCase()]
}

/** `….down.sql` (golang-migrate), `U2__….sql` (flyway), `revert/….sql` (sqitch). */
export function isWayBack(file: string): boolean {
  return /\.(?:down|undo|rollback)\.\w+$|(?:^|\/)(?:U[\d._]+__[^/]*|revert\/.*)$/i.test(file)
}

function nameOf(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1)
}

const NATURAL = new Intl.Collator('en', { numeric: true })

/** By name, numbers as numbers, `2_11` as `2.11`; flyway's repeatable migrations run after all others. */
export function compareNames(left: string, right: string): number {
  const [isLeftLate, isRightLate] = [left, right].map((file) => /^R__/.test(nameOf(file)))
  if (isLeftLate !== isRightLate) return isLeftLate ? 1 : -1
  const natural = NATURAL.compare(left.replaceAll('_', '.'), right.replaceAll('_', '.'))
  return natural || (left < right ? -1 : left > right ? 1 : 0)
}

function sha256(source: string): string {
  return createHash('sha256').update(source).digest('hex')
}

/**
 * Finds which migration a database is at, whatever tool put it there.
 *
 * Each tool leaves a bookkeeping table; its name and columns tell the tool, and
 * its last row the head. Where two tools share a table name (Rails,
 * golang-migrate, Ecto, dbmate: `schema_migrations`), the columns decide.
 */
import type { MigrationHead } from '../format/values.ts'
import { qualifiedName } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'

interface MigrationTool {
  tool: string
  tableName: RegExp
  /** All of these columns must exist. */
  columns: readonly string[]
  /** Another table of the same namespace that must exist. */
  besideTable?: string
  /** Selects `head` text, oldest first, `FROM ${table}` included. */
  heads: (table: string) => string
}

/** The most telling signatures first; the first that matches a table wins. */
const MIGRATION_TOOLS: readonly MigrationTool[] = [
  {
    tool: 'alembic',
    tableName: /^alembic_version$/,
    columns: ['version_num'],
    heads: (t) => `SELECT version_num AS head FROM ${t} ORDER BY 1`,
  },
  {
    tool: 'prisma',
    tableName: /^_prisma_migrations$/,
    columns: ['migration_name', 'started_at', 'finished_at', 'rolled_back_at'],
    heads: (t) => `SELECT migration_name AS head FROM ${t}
      WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY started_at DESC, migration_name DESC LIMIT 1`,
  },
  {
    tool: 'django',
    tableName: /^django_migrations$/,
    columns: ['id', 'app', 'name'],
    heads: (t) => `SELECT app || '.' || name AS head FROM (
      SELECT DISTINCT ON (app) id, app, name FROM ${t} ORDER BY app, id DESC) AS newest ORDER BY id`,
  },
  {
    tool: 'knex',
    tableName: /^knex_migrations$/,
    columns: ['id', 'name', 'batch'],
    heads: (t) => `SELECT name AS head FROM ${t} ORDER BY id DESC LIMIT 1`,
  },
  {
    tool: 'flyway',
    // `schema_version` before Flyway 5.
    tableName: /^(?:flyway_schema_history|schema_version)$/,
    columns: ['installed_rank', 'version', 'type', 'success'],
    // The highest version whose last word is not that it was undone, or deleted by a repair.
    heads: (t) => `SELECT version AS head FROM (
      SELECT DISTINCT ON (version) version, type FROM ${t} WHERE success AND version ~ '^[0-9]+([._][0-9]+)*$'
       ORDER BY version, installed_rank DESC) AS latest
      WHERE type !~ '^(UNDO|DELETE)' ORDER BY regexp_split_to_array(version, '[._]')::numeric[] DESC LIMIT 1`,
  },
  {
    tool: 'liquibase',
    tableName: /^databasechangelog$/i,
    columns: ['id', 'author', 'filename', 'dateexecuted', 'orderexecuted'],
    // Its order may begin anew with each update.
    heads: (t) => `SELECT filename || '::' || id || '::' || author AS head FROM ${t}
      ORDER BY dateexecuted DESC, orderexecuted DESC LIMIT 1`,
  },
  {
    tool: 'drizzle',
    tableName: /^__drizzle_migrations$/,
    columns: ['id', 'hash', 'created_at'],
    heads: (t) => `SELECT hash AS head FROM ${t} ORDER BY created_at DESC, id DESC LIMIT 1`,
  },
  {
    tool: 'sqitch',
    tableName: /^changes$/,
    columns: ['change_id', 'change', 'project', 'committed_at', 'planned_at'],
    heads: (t) => `SELECT project || ':' || change AS head FROM (
      SELECT DISTINCT ON (project) project, change, committed_at FROM ${t}
       ORDER BY project, committed_at DESC, change_id) AS newest ORDER BY project`,
  },
  {
    tool: 'sequelize',
    tableName: /^SequelizeMeta$/,
    columns: ['name'],
    heads: (t) => `SELECT name AS head FROM ${t} ORDER BY name DESC LIMIT 1`,
  },
  {
    // `snap migrate`: its table's name is configurable, its columns are not.
    tool: 'snap',
    tableName: /^/,
    columns: ['position', 'name', 'checksum_sha256', 'state', 'is_faked', 'applied_at'],
    heads: (t) => `SELECT name || CASE WHEN state = 'begun' THEN ' (unfinished)' ELSE '' END AS head
      FROM ${t} ORDER BY state = 'begun' DESC, position DESC LIMIT 1`,
  },
  {
    tool: 'goose',
    tableName: /^goose_db_version$/,
    columns: ['id', 'version_id', 'is_applied'],
    // A row for each step up and, in older releases, down: the last word on a version counts.
    heads: (t) => `SELECT version_id::text AS head FROM (
      SELECT DISTINCT ON (version_id) version_id, is_applied, id FROM ${t} ORDER BY version_id, id DESC) AS latest
      WHERE is_applied ORDER BY id DESC LIMIT 1`,
  },
  {
    tool: 'typeorm',
    tableName: /^migrations$/,
    columns: ['id', 'timestamp', 'name'],
    heads: (t) => `SELECT name AS head FROM ${t} ORDER BY id DESC LIMIT 1`,
  },
  {
    tool: 'laravel',
    tableName: /^migrations$/,
    columns: ['id', 'migration', 'batch'],
    heads: (t) => `SELECT migration AS head FROM ${t} ORDER BY id DESC LIMIT 1`,
  },
  {
    tool: 'graphile-migrate',
    tableName: /^migrations$/,
    columns: ['hash', 'previous_hash', 'filename', 'date'],
    heads: (t) => `SELECT filename AS head FROM ${t} ORDER BY filename DESC LIMIT 1`,
  },
  {
    tool: 'postgres-migrations',
    tableName: /^migrations$/,
    columns: ['id', 'name', 'hash', 'executed_at'],
    heads: (t) => `SELECT id || '_' || name AS head FROM ${t} ORDER BY id DESC LIMIT 1`,
  },
  {
    tool: 'db-migrate',
    tableName: /^migrations$/,
    columns: ['id', 'name', 'run_on'],
    // Names are paths below the directory of migrations.
    heads: (t) =>
      `SELECT ltrim(name, '/') AS head FROM ${t} ORDER BY run_on DESC, name DESC LIMIT 1`,
  },
  {
    tool: 'sql-migrate',
    tableName: /^gorp_migrations$/,
    columns: ['id', 'applied_at'],
    heads: (t) => `SELECT id AS head FROM ${t} ORDER BY applied_at DESC, id DESC LIMIT 1`,
  },
  {
    tool: 'node-pg-migrate',
    tableName: /^pgmigrations$/,
    columns: ['id', 'name', 'run_on'],
    heads: (t) => `SELECT name AS head FROM ${t} ORDER BY run_on DESC, id DESC LIMIT 1`,
  },
  {
    tool: 'mikro-orm',
    tableName: /^mikro_orm_migrations$/,
    columns: ['id', 'name', 'executed_at'],
    heads: (t) => `SELECT name AS head FROM ${t} ORDER BY id DESC LIMIT 1`,
  },
  {
    tool: 'kysely',
    tableName: /^kysely_migration$/,
    columns: ['name', 'timestamp'],
    heads: (t) => `SELECT name AS head FROM ${t} ORDER BY timestamp DESC, name DESC LIMIT 1`,
  },
  {
    tool: 'postgrator',
    tableName: /^schemaversion$/,
    columns: ['version', 'name', 'md5', 'run_at'],
    heads: (t) => `SELECT max(version)::text AS head FROM ${t}`,
  },
  {
    tool: 'entity-framework',
    tableName: /^__EFMigrationsHistory$/,
    columns: ['migrationid', 'productversion'],
    heads: (t) => `SELECT "MigrationId" AS head FROM ${t} ORDER BY "MigrationId" DESC LIMIT 1`,
  },
  {
    // With the snake case naming convention.
    tool: 'entity-framework',
    tableName: /^__(?:EFMigrationsHistory|ef_migrations_history)$/,
    columns: ['migration_id', 'product_version'],
    heads: (t) => `SELECT migration_id AS head FROM ${t} ORDER BY migration_id DESC LIMIT 1`,
  },
  {
    tool: 'yoyo',
    tableName: /^_yoyo_migration$/,
    columns: ['migration_hash', 'migration_id', 'applied_at_utc'],
    heads: (t) => `SELECT migration_id AS head FROM ${t}
      ORDER BY applied_at_utc DESC, migration_id DESC LIMIT 1`,
  },
  {
    tool: 'refinery',
    tableName: /^refinery_schema_history$/,
    columns: ['version', 'name', 'checksum'],
    heads: (t) => `SELECT max(version)::text AS head FROM ${t}`,
  },
  {
    tool: 'sqlx',
    tableName: /^_sqlx_migrations$/,
    columns: ['version', 'description', 'success', 'checksum'],
    heads: (t) => `SELECT version::text || CASE WHEN success THEN '' ELSE ' (dirty)' END AS head
      FROM ${t} ORDER BY version DESC LIMIT 1`,
  },
  {
    tool: 'diesel',
    tableName: /^__diesel_schema_migrations$/,
    columns: ['version', 'run_on'],
    heads: (t) => `SELECT max(version)::text AS head FROM ${t}`,
  },
  {
    tool: 'doctrine',
    tableName: /^doctrine_migration_versions$/,
    columns: ['version', 'executed_at'],
    heads: (t) => `SELECT max(version)::text AS head FROM ${t}`,
  },
  {
    tool: 'phinx',
    tableName: /^phinxlog$/,
    columns: ['version', 'migration_name', 'breakpoint'],
    heads: (t) => `SELECT max(version)::text AS head FROM ${t}`,
  },
  {
    tool: 'atlas',
    tableName: /^atlas_schema_revisions$/,
    columns: ['version', 'applied', 'total', 'executed_at', 'hash'],
    // A name that begins with a full stop is of Atlas itself.
    heads: (
      t,
    ) => `SELECT version || CASE WHEN applied < total THEN ' (unfinished)' ELSE '' END AS head
      FROM ${t} WHERE version NOT LIKE '.%' ORDER BY version DESC LIMIT 1`,
  },
  {
    tool: 'supabase',
    tableName: /^schema_migrations$/,
    columns: ['version', 'statements', 'name'],
    heads: (t) => `SELECT max(version)::text AS head FROM ${t}`,
  },
  {
    tool: 'golang-migrate',
    tableName: /^schema_migrations$/,
    columns: ['version', 'dirty'],
    heads: (t) =>
      `SELECT version::text || CASE WHEN dirty THEN ' (dirty)' ELSE '' END AS head FROM ${t} ORDER BY version`,
  },
  {
    tool: 'rails',
    tableName: /^schema_migrations$/,
    columns: ['version'],
    besideTable: 'ar_internal_metadata',
    // Text, and numbers to Rails: 9 comes before 10.
    heads: (t) => `SELECT max(version::numeric)::text AS head FROM ${t}`,
  },
  {
    tool: 'ecto',
    tableName: /^schema_migrations$/,
    columns: ['version', 'inserted_at'],
    heads: (t) => `SELECT max(version)::text AS head FROM ${t}`,
  },
  {
    tool: 'schema_migrations',
    tableName: /^schema_migrations$/,
    columns: ['version'],
    heads: (t) => `SELECT max(version)::text AS head FROM ${t}`,
  },
  {
    tool: 'schema_versions',
    tableName: /^schema_versions?$/,
    columns: ['version'],
    heads: (t) => `SELECT max(version)::text AS head FROM ${t}`,
  },
]

/** Matches tables to tools by name and columns alone. Pure. */
export function matchMigrationTables(
  tables: readonly { namespace: string; name: string; columns: readonly string[] }[],
): { tool: string; table: string; query: string }[] {
  const exists = new Set(tables.map((table) => `${table.namespace}\0${table.name}`))
  const matches = []
  for (const table of tables) {
    const columns = new Set(table.columns.map((column) => column.toLowerCase()))
    const tool = MIGRATION_TOOLS.find(
      (candidate) =>
        candidate.tableName.test(table.name) &&
        candidate.columns.every((column) => columns.has(column)) &&
        (candidate.besideTable === undefined ||
          exists.has(`${table.namespace}\0${candidate.besideTable}`)),
    )
    if (tool === undefined) continue
    const name = qualifiedName(table)
    matches.push({ tool: tool.tool, table: name, query: tool.heads(name) })
  }
  return matches
}

/**
 * Reads the migration heads inside the caller's transaction.
 *
 * A table that only looks like a tool's (its query fails) names no head: a
 * savepoint keeps the caller's transaction alive.
 */
export async function detectMigrations(
  session: Session,
  tables: readonly { namespace: string; name: string; columns: readonly string[] }[],
): Promise<MigrationHead[]> {
  const found: MigrationHead[] = []
  for (const { tool, table, query } of matchMigrationTables(tables)) {
    await session.execute('SAVEPOINT snap_migration_head')
    try {
      const rows = await session.query<{ head: string | null }>(query)
      const heads = rows.flatMap(({ head }) => (head === null ? [] : [head]))
      found.push({ tool, table, heads })
    } catch {
      await session.execute('ROLLBACK TO SAVEPOINT snap_migration_head')
    }
    await session.execute('RELEASE SAVEPOINT snap_migration_head')
  }
  return found
}

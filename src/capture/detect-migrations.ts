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
    tableName: /^flyway_schema_history$/,
    columns: ['installed_rank', 'version', 'success'],
    heads: (t) => `SELECT version AS head FROM ${t}
      WHERE success AND version IS NOT NULL ORDER BY installed_rank DESC LIMIT 1`,
  },
  {
    tool: 'liquibase',
    tableName: /^databasechangelog$/i,
    columns: ['id', 'author', 'filename', 'orderexecuted'],
    heads: (t) => `SELECT filename || '::' || id || '::' || author AS head FROM ${t}
      ORDER BY orderexecuted DESC LIMIT 1`,
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
    heads: (t) => `SELECT max(version)::text AS head FROM ${t}`,
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

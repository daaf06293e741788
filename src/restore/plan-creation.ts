/**
 * Plans how a commit's schema entries are created again. Pure.
 *
 * The passes are pg_restore's: structure, then (by somebody else) rows, then
 * indexes, constraints and triggers, then privileges and materialized
 * views, then what fires on DDL.
 */
import type { MaterializedViewEntry, SchemaEntry } from '../format/values.ts'
import { qualifiedName, quoteIdentifier } from '../postgres/quote.ts'
import { adaptForServer } from '../schema/schema-dialect.ts'
import { describeEntry, firesOnDdl, hasOwner, isPrivilege } from './entry-kinds.ts'
import type { Statement } from './statement.ts'

export interface CreationPlan {
  beforeRows: Statement[]
  afterRows: Statement[]
  /** Grants, default privileges, materialized views refreshed in dependency order, then event triggers. */
  last: Statement[]
}

export interface CreationOptions {
  serverVersionNumber: number
  currentUser: string
  withOwners: boolean
  withPrivileges: boolean
  /** Names (`kind name`) of entries that stand already; they are altered where needed, not created. */
  standing: ReadonlySet<string>
}

/** @param entries  the commit's entries, in creation order */
export function planCreation(
  entries: readonly SchemaEntry[],
  materializedViews: readonly MaterializedViewEntry[],
  options: CreationOptions,
): CreationPlan {
  const firstAfterRows = entries.findIndex(({ section }) => section === 'postData')
  const boundary = firstAfterRows === -1 ? entries.length : firstAfterRows
  const isLate = (entry: SchemaEntry) => isPrivilege(entry) || firesOnDdl(entry)

  const beforeRows = entries.slice(0, boundary).filter((entry) => !isLate(entry))
  const afterRows = entries.slice(boundary).filter((entry) => !isLate(entry))
  const privileges = options.withPrivileges ? entries.filter(isPrivilege) : []
  const eventTriggers = entries.filter(firesOnDdl)

  return {
    beforeRows: createAll(beforeRows, options),
    afterRows: createAll(afterRows, options),
    last: [
      ...createAll(privileges, options),
      ...refreshAll(entries, materializedViews),
      ...createAll(eventTriggers, options),
    ],
  }
}

function createAll(entries: readonly SchemaEntry[], options: CreationOptions): Statement[] {
  const statements: Statement[] = []
  let tablespace = ''
  let accessMethod = 'heap'

  for (const entry of entries) {
    const subject = describeEntry(entry)
    const adapted = adaptForServer(entry, options.serverVersionNumber)
    const isStanding = options.standing.has(`${entry.kind} ${entry.name}`)
    if (!isStanding && adapted.definition !== null && adapted.definition.trim() !== '') {
      if ((entry.tablespace ?? '') !== tablespace) {
        tablespace = entry.tablespace ?? ''
        statements.push({
          subject,
          sql: `SET LOCAL default_tablespace = ${quoteSetting(tablespace)}`,
        })
      }
      const wantedMethod = entry.tableAccessMethod || 'heap'
      if (isStorage(entry) && wantedMethod !== accessMethod) {
        accessMethod = wantedMethod
        statements.push({
          subject,
          sql: `SET LOCAL default_table_access_method = ${quoteSetting(accessMethod)}`,
        })
      }
      statements.push({ subject, sql: withoutFinalSemicolon(adapted.definition) })
    }
    const owner = options.withOwners ? setOwner(entry, isStanding, options.currentUser) : undefined
    if (owner !== undefined) statements.push({ subject: `owner of ${subject}`, sql: owner })
  }
  if (tablespace !== '')
    statements.push({ subject: 'settings', sql: `SET LOCAL default_tablespace = ''` })
  if (accessMethod !== 'heap') {
    statements.push({ subject: 'settings', sql: 'SET LOCAL default_table_access_method = heap' })
  }
  return statements
}

const isStorage = ({ kind }: SchemaEntry) => kind === 'TABLE' || kind === 'MATERIALIZED VIEW'

/** An empty setting has to be written as a string: `""` is a syntax error. */
const quoteSetting = (name: string) => (name === '' ? `''` : quoteIdentifier(name))

const withoutFinalSemicolon = (sql: string) => sql.trim().replace(/;$/, '')

/** What pg_dump would drop by name is altered by the same name. */
function setOwner(
  entry: SchemaEntry,
  isStanding: boolean,
  currentUser: string,
): string | undefined {
  if (!hasOwner(entry) || entry.owner === null || entry.owner === '') return undefined
  if (entry.owner === currentUser && !isStanding) return undefined
  const object =
    entry.kind === 'SCHEMA'
      ? `SCHEMA ${quoteIdentifier(entry.name)}`
      : entry.dropStatement
          ?.trim()
          .replace(/^DROP /, '')
          .replace(/( CASCADE)?;$/, '')
  return object === undefined || object === ''
    ? undefined
    : `ALTER ${object} OWNER TO ${quoteIdentifier(entry.owner)}`
}

/** In creation order, so that a view over another view finds it filled. */
function refreshAll(
  entries: readonly SchemaEntry[],
  materializedViews: readonly MaterializedViewEntry[],
): Statement[] {
  const populated = new Set(
    materializedViews
      .filter((view) => view.isPopulated)
      .map((view) => `${view.namespace}\0${view.name}`),
  )
  return entries
    .filter(
      ({ kind, namespace, name }) =>
        kind === 'MATERIALIZED VIEW' && populated.has(`${namespace}\0${name}`),
    )
    .map((entry) => ({
      subject: `rows of ${describeEntry(entry)}`,
      sql: `REFRESH MATERIALIZED VIEW ${qualifiedName({ namespace: entry.namespace ?? '', name: entry.name })}`,
    }))
}

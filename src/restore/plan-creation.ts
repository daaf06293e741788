/**
 * Plans how a commit's schema entries are created again. Pure.
 *
 * The passes are pg_restore's: structure, then (by somebody else) rows, then
 * indexes, constraints and triggers, then privileges, then (by
 * `planRefreshes`) materialized views, then what fires on DDL.
 */
import type { MaterializedViewEntry, SchemaEntry } from '../format/values.ts'
import { qualifiedName, quoteIdentifier } from '../postgres/quote.ts'
import { adaptForServer } from '../schema/schema-dialect.ts'
import { describeEntry, firesOnDdl, hasOwner, isPrivilege } from './entry-kinds.ts'
import type { Statement } from './statement.ts'

export interface CreationPlan {
  beforeRows: Statement[]
  /** What `indexes` and `afterIndexes` hold, for whoever runs one statement after the other. */
  afterRows: Statement[]
  /** Indexes and the constraints that are kept by one: the statements of each need its table and no other. */
  indexes: PlannedEntry[]
  afterIndexes: PlannedEntry[]
  /** Grants and default privileges. */
  privileges: Statement[]
  /** Event triggers: they would fire on all that comes before them. */
  eventTriggers: Statement[]
}

/** One entry, created by itself. */
export interface PlannedEntry {
  entry: SchemaEntry
  statements: Statement[]
}

export interface CreationOptions {
  serverVersionNumber: number
  currentUser: string
  withOwners: boolean
  withPrivileges: boolean
  /** What is done for an entry that stands already instead of creating it; undefined for one that does not. */
  standing: (entry: SchemaEntry) => Alteration | undefined
  /**
   * Attach partitions after their indexes are there: a parent that stands would
   * give them indexes of its own choice.
   */
  attachesLate?: boolean
}

/** How an entry that stands is made equal to the commit's. */
export interface Alteration {
  /** Run in the entry's turn among what is created. */
  statements: readonly string[]
  setsOwner: boolean
}

/** An index, or a constraint that is kept by one. */
export const isIndex = ({ kind }: SchemaEntry): boolean => kind === 'INDEX' || kind === 'CONSTRAINT'

/** @param entries  the commit's entries, in creation order */
export function planCreation(
  entries: readonly SchemaEntry[],
  options: CreationOptions,
): CreationPlan {
  const firstAfterRows = entries.findIndex(({ section }) => section === 'postData')
  const boundary = firstAfterRows === -1 ? entries.length : firstAfterRows
  const isLate = (entry: SchemaEntry) => isPrivilege(entry) || firesOnDdl(entry)

  const isAttachedLate = ({ kind }: SchemaEntry) =>
    options.attachesLate === true && kind === 'TABLE ATTACH'
  const early = entries.slice(0, boundary).filter((entry) => !isLate(entry))
  const beforeRows = early.filter((entry) => !isAttachedLate(entry))
  const withoutAttachments = entries.slice(boundary).filter((entry) => !isLate(entry))
  // A partition has to have what its parent has before it is attached.
  const comesFirst = ({ kind }: SchemaEntry) =>
    kind === 'INDEX' || kind === 'CONSTRAINT' || kind === 'CHECK CONSTRAINT'
  const afterRows = [
    ...withoutAttachments.filter(comesFirst),
    ...early.filter(isAttachedLate),
    ...withoutAttachments.filter((entry) => !comesFirst(entry)),
  ]
  const createEach = (each: readonly SchemaEntry[]): PlannedEntry[] =>
    each.map((entry) => ({ entry, statements: createAll([entry], options) }))
  const privileges = options.withPrivileges ? entries.filter(isPrivilege) : []
  const eventTriggers = entries.filter(firesOnDdl)

  return {
    beforeRows: createAll(beforeRows, options),
    afterRows: createAll(afterRows, options),
    indexes: createEach(withoutAttachments.filter(isIndex)),
    afterIndexes: createEach(afterRows.filter((entry) => !isIndex(entry))),
    privileges: createAll(privileges, options),
    eventTriggers: createAll(eventTriggers, options),
  }
}

function createAll(entries: readonly SchemaEntry[], options: CreationOptions): Statement[] {
  const statements: Statement[] = []
  let tablespace = ''
  let accessMethod = 'heap'

  for (const entry of entries) {
    const subject = describeEntry(entry)
    const adapted = adaptForServer(entry, options.serverVersionNumber)
    const alteration = options.standing(entry)
    statements.push(...(alteration?.statements ?? []).map((sql) => ({ subject, sql })))
    if (
      alteration === undefined &&
      adapted.definition !== null &&
      adapted.definition.trim() !== ''
    ) {
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
    const owner = options.withOwners ? setOwner(entry, alteration, options.currentUser) : undefined
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
  alteration: Alteration | undefined,
  currentUser: string,
): string | undefined {
  if (!hasOwner(entry) || entry.owner === null || entry.owner === '') return undefined
  const isDue = alteration === undefined ? entry.owner !== currentUser : alteration.setsOwner
  if (!isDue) return undefined
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

/**
 * Plans how materialized views among `entries` are filled, those that are empty in the commit left out.
 *
 * In creation order, so that a view over another view finds it filled.
 */
export function planRefreshes(
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
      sql: `REFRESH MATERIALIZED VIEW ${relationName(entry)}`,
    }))
}

const relationName = ({ namespace, name }: SchemaEntry) =>
  qualifiedName({ namespace: namespace ?? '', name })

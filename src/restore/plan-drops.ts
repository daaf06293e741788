/**
 * Plans how everything that a commit manages is dropped. Pure.
 *
 * Entries go in the reverse of the order in which pg_dump would create them, so
 * dependents go first. CASCADE and IF EXISTS cover circles (a type and its
 * functions, views through rules); what they would take besides is noticed by
 * the proof, which compares all that was to stay.
 */
import type { SchemaEntry } from '../format/values.ts'
import { quoteIdentifier } from '../postgres/quote.ts'
import { PUBLIC_SCHEMA_COMMENT } from '../schema/public-schema.ts'
import { canStay, describeEntry, diesWithItsObject } from './entry-kinds.ts'
import type { Alteration } from './plan-creation.ts'
import type { Statement } from './statement.ts'

export interface DropPlan {
  statements: Statement[]
  /** Live entries left standing, each equal to (or altered into) an entry of the target. */
  kept: ReadonlySet<SchemaEntry>
  /** What is done for an entry of the target that has been left standing; undefined for every other. */
  standing: (entry: SchemaEntry) => Alteration | undefined
  /** Standing schemas whose privileges must be brought back to the default before the target's are granted. */
  schemasToReset: string[]
}

/**
 * @param live    entries of the database as it is, in creation order
 * @param target  entries of the commit, in creation order
 */
export function planDrops(live: readonly SchemaEntry[], target: readonly SchemaEntry[]): DropPlan {
  const kept = chooseKept(live, target)
  const keptByTag = new Map(
    [...kept].flatMap((entry) =>
      spellingsOf(entry.name).map((name) => [`${entry.kind} ${name}`, entry]),
    ),
  )

  const statements: Statement[] = []
  for (const entry of live.toReversed()) {
    const subject = describeEntry(entry)
    if (entry.kind === 'COMMENT' && keptByTag.has(entry.name)) {
      statements.push({ subject, sql: withoutComment(entry) })
    } else if (!kept.has(entry) && !diesWithItsObject(entry) && entry.dropStatement !== null) {
      statements.push({ subject, sql: dropWithDependents(entry) })
    }
  }

  const schemasToReset = live.flatMap((entry) => {
    const subject = entry.kind === 'ACL' ? keptByTag.get(entry.name) : undefined
    return subject?.kind === 'SCHEMA' ? [subject.name] : []
  })
  const standingNames = new Set([...kept].map(({ kind, name }) => `${kind} ${name}`))
  const standing = ({ kind, name }: SchemaEntry) =>
    standingNames.has(`${kind} ${name}`) ? { statements: [], setsOwner: true } : undefined
  return { statements, kept, standing, schemasToReset }
}

/** A comment or grant names its object as SQL does: quoted only where it has to be. */
const spellingsOf = (name: string) => [name, quoteIdentifier(name)]

function chooseKept(
  live: readonly SchemaEntry[],
  target: readonly SchemaEntry[],
): Set<SchemaEntry> {
  const wanted = new Map(target.map((entry) => [`${entry.kind} ${entry.name}`, entry]))
  const canKeepExtensions = sameMemberPrivileges(live, target)
  const kept = new Set<SchemaEntry>()
  for (const entry of live) {
    if (!canStay(entry)) continue
    const counterpart = wanted.get(`${entry.kind} ${entry.name}`)
    if (counterpart === undefined) continue
    if (entry.kind === 'EXTENSION' && !canKeepExtensions) continue
    if (entry.kind === 'SCHEMA' || entry.definition === counterpart.definition) kept.add(entry)
  }
  return kept
}

/**
 * Privileges on members of an extension have no object of their own in the dump.
 * Where they differ, only creating the extension again brings them back.
 */
function sameMemberPrivileges(
  live: readonly SchemaEntry[],
  target: readonly SchemaEntry[],
): boolean {
  return memberPrivileges(live) === memberPrivileges(target)
}

function memberPrivileges(entries: readonly SchemaEntry[]): string {
  const dumped = new Set(
    entries.flatMap(({ namespace, name }) =>
      spellingsOf(name).map((spelling) => `${namespace ?? ''}.${spelling}`),
    ),
  )
  return entries
    .filter(({ kind, namespace, name }) => {
      if (kind !== 'ACL' || name.startsWith('SCHEMA ')) return false
      const [, word, subject] = /^([A-Z ]+?) (.*)$/s.exec(name) ?? []
      if (word === undefined || subject === undefined) return false
      if (word !== 'COLUMN') return !dumped.has(`${namespace ?? ''}.${subject}`)
      return !entries.some(
        (other) =>
          other.namespace === namespace &&
          spellingsOf(other.name).some((spelling) => subject.startsWith(`${spelling}.`)),
      )
    })
    .map(({ namespace, name, definition }) => `${namespace}\0${name}\0${definition}`)
    .sort()
    .join('\0\0')
}

/**
 * A schema goes last and must be empty by then: what is still in it was created
 * after the live state was committed, and nothing else holds it.
 */
const CANNOT_CASCADE = new Set(['SCHEMA', 'USER MAPPING'])

/** `DROP TABLE a.b;` → `DROP TABLE IF EXISTS a.b CASCADE`. */
function dropWithDependents({ kind, dropStatement }: SchemaEntry): string {
  const statement = (dropStatement ?? '').trim().replace(/( CASCADE)?;$/, '')
  if (statement.startsWith('ALTER TABLE ')) {
    return statement
      .replace(/^ALTER TABLE (IF EXISTS )?/, 'ALTER TABLE IF EXISTS ')
      .replace(' DROP CONSTRAINT ', ' DROP CONSTRAINT IF EXISTS ')
  }
  // How pg_dump drops the rule of a view that it had to write in two steps: an empty view in its place, dropped next.
  if (statement.startsWith('CREATE OR REPLACE VIEW ')) return statement
  const words = kind === 'SHELL TYPE' ? 'TYPE' : kind
  const ifExists = statement.startsWith(`DROP ${words} `)
    ? `DROP ${words} IF EXISTS ${statement.slice(`DROP ${words} `.length)}`
    : statement
  return CANNOT_CASCADE.has(kind) ? ifExists : `${ifExists} CASCADE`
}

/** `COMMENT ON SCHEMA a IS 'text';` → `COMMENT ON SCHEMA a IS NULL`, or what initdb says of `public`. */
function withoutComment({ name, definition }: SchemaEntry): string {
  const comment = name === 'SCHEMA public' ? `'${PUBLIC_SCHEMA_COMMENT}'` : 'NULL'
  return (definition ?? '').trim().replace(/ IS E?'.*'\s*;$/s, ` IS ${comment}`)
}

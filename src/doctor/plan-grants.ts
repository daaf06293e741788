/**
 * Writes down what a role lacks for commits as the statements that give it. Pure.
 */
import { qualifiedName, quoteIdentifier } from '../postgres/quote.ts'
import type { ServerFacts, TableFacts } from './read-server-facts.ts'

/** Statements for whoever may grant, and why. */
export interface GrantPlan {
  /** What the role cannot do, one sentence without a full stop. */
  missing: string
  /** SQL, to be run by a superuser or the owner of what it names. */
  statements: string[]
}

/** Returns what the role of these facts lacks; nothing when it may read everything. */
export function planGrants(facts: ServerFacts): GrantPlan[] {
  const role = quoteIdentifier(facts.role)
  return [
    ...grantTables(facts, role),
    ...grantSequences(facts, role),
    ...grantLargeObjects(facts, role),
    ...bypassRowSecurity(facts, role),
  ]
}

function grantTables({ tables, role: name }: ServerFacts, role: string): GrantPlan[] {
  const unreadable = tables.filter(({ isReadable }) => !isReadable)
  if (unreadable.length === 0) return []
  return [
    {
      missing: `role ${name} may not read ${listCount(unreadable.length, tables.length, 'tables')}`,
      statements: [
        ...grantUsage(unreadable, role),
        ...chunksOf(unreadable.map(qualified)).map(
          (names) => `GRANT SELECT ON ${names.join(', ')} TO ${role};`,
        ),
      ],
    },
  ]
}

function grantSequences(
  { tables, unreadableSequences, role: name }: ServerFacts,
  role: string,
): GrantPlan[] {
  if (unreadableSequences.length === 0) return []
  const granted = new Set(
    tables.filter(({ isReadable }) => !isReadable).map(({ namespace }) => namespace),
  )
  return [
    {
      missing: `role ${name} may not read ${unreadableSequences.length === 1 ? '1 sequence' : `${unreadableSequences.length} sequences`}`,
      statements: [
        ...grantUsage(
          unreadableSequences.filter(({ namespace }) => !granted.has(namespace)),
          role,
        ),
        ...chunksOf(unreadableSequences.map(qualified)).map(
          (names) => `GRANT SELECT ON SEQUENCE ${names.join(', ')} TO ${role};`,
        ),
      ],
    },
  ]
}

/** Of these there may be millions, and none has a name: the server goes through them itself. */
function grantLargeObjects(
  { unreadableLargeObjectCount, largeObjectCount, role: name }: ServerFacts,
  role: string,
): GrantPlan[] {
  if (unreadableLargeObjectCount === 0) return []
  const grant = `GRANT SELECT ON LARGE OBJECT %s TO ${role.replaceAll('%', '%%')}`
  return [
    {
      missing: `role ${name} may not read ${listCount(unreadableLargeObjectCount, largeObjectCount, 'large objects')}`,
      statements: [
        `DO $do$ DECLARE id oid; BEGIN FOR id IN SELECT oid FROM pg_largeobject_metadata LOOP EXECUTE format('${grant.replaceAll("'", "''")}', id); END LOOP; END $do$;`,
      ],
    },
  ]
}

/** A commit is refused where rows are hidden, rather than made without them. */
function bypassRowSecurity({ tables, role: name }: ServerFacts, role: string): GrantPlan[] {
  const hiding = tables.filter(({ hidesRows, isReadable }) => hidesRows && isReadable)
  if (hiding.length === 0) return []
  return [
    {
      missing: `row-level security hides rows of ${listCount(hiding.length, tables.length, 'tables')} from role ${name} (${hiding.map((table) => table.name).join(', ')})`,
      statements: [`ALTER ROLE ${role} BYPASSRLS;`],
    },
  ]
}

type Relation = Pick<TableFacts, 'name' | 'namespace'>

const qualified = ({ namespace, name }: Relation) =>
  qualifiedName({ namespace, name: name.slice(namespace.length + 1) })

function grantUsage(relations: readonly Relation[], role: string): string[] {
  const schemas = [...new Set(relations.map(({ namespace }) => namespace))]
  if (schemas.length === 0) return []
  return [`GRANT USAGE ON SCHEMA ${schemas.map(quoteIdentifier).join(', ')} TO ${role};`]
}

const listCount = (count: number, total: number, what: string) => `${count} of ${total} ${what}`

/** A statement of thousands of names is no good to read or paste. */
const NAMES_PER_STATEMENT = 20

function chunksOf(names: readonly string[]): string[][] {
  const count = Math.ceil(names.length / NAMES_PER_STATEMENT)
  return Array.from({ length: count }, (_, position) =>
    names.slice(position * NAMES_PER_STATEMENT, (position + 1) * NAMES_PER_STATEMENT),
  )
}

/**
 * Plans how one schema entry of a live database is taken back. Pure.
 *
 * No CASCADE: whatever still depends on the entry should have been seen and
 * taken back before, and if it was not, the server's refusal says so.
 */
import type { SchemaEntry } from '../format/values.ts'
import { quoteIdentifier } from '../postgres/quote.ts'
import { PUBLIC_SCHEMA_COMMENT, PUBLIC_SCHEMA_PRIVILEGE } from '../schema/public-schema.ts'
import { splitTopLevel } from '../schema/sql-text.ts'

/**
 * Returns the statements that take the entry back; none where it goes with something else.
 *
 * @param goesToo  says whether an entry of one of these kinds, which this one belongs to, is taken back as well
 */
export function planUndoOfEntry(
  entry: SchemaEntry,
  goesToo: (...kinds: string[]) => boolean,
): string[] {
  const definition = withoutSemicolon(entry.definition)
  if (entry.dropStatement !== null) return [withoutSemicolon(entry.dropStatement)]
  if (definition === '') return []
  switch (entry.kind) {
    case 'ACL':
      return goesToo(...OBJECTS) ? [] : takeBackPrivileges(entry)
    case 'COMMENT':
      return goesToo() ? [] : [withoutComment(entry)]
    case 'SECURITY LABEL':
      return goesToo() ? [] : [definition.replace(/ IS E?'.*'$/s, ' IS NULL')]
    case 'ROW SECURITY':
      return goesToo('TABLE') ? [] : [definition.replace(/ENABLE ROW/, 'DISABLE ROW')]
    case 'SEQUENCE':
      return goesToo('TABLE') ? [] : [definition.replace(/ ADD GENERATED .*$/s, ' DROP IDENTITY')]
    case 'SEQUENCE OWNED BY':
      return goesToo('SEQUENCE') ? [] : [definition.replace(/ OWNED BY .*$/s, ' OWNED BY NONE')]
    case 'TABLE ATTACH':
      return [definition.replace(ATTACH, '$1 DETACH PARTITION $2')]
    case 'TRIGGER':
      return goesToo('TABLE')
        ? []
        : [
            definition.replace(
              / (?:DISABLE|ENABLE ALWAYS|ENABLE REPLICA) TRIGGER /,
              ' ENABLE TRIGGER ',
            ),
          ]
    case 'PUBLICATION TABLE':
      return goesToo('PUBLICATION', 'TABLE') ? [] : [withoutPublishedTable(definition)]
    case 'PUBLICATION TABLES IN SCHEMA':
      return goesToo('PUBLICATION', 'SCHEMA')
        ? []
        : [definition.replace(/ ADD (TABLES IN SCHEMA|ALL TABLES IN SCHEMA) /, ' DROP $1 ')]
    default:
      return []
  }
}

/** Everything that privileges are granted on; privileges on a column go with the table's. */
const OBJECTS = [
  'TABLE',
  'VIEW',
  'MATERIALIZED VIEW',
  'FOREIGN TABLE',
  'SEQUENCE',
  'FUNCTION',
  'PROCEDURE',
  'AGGREGATE',
  'SCHEMA',
  'TYPE',
  'DOMAIN',
  'SERVER',
  'FOREIGN DATA WRAPPER',
  'PROCEDURAL LANGUAGE',
]

const withoutSemicolon = (sql: string | null) => (sql ?? '').trim().replace(/;$/, '')

const IDENTIFIER = String.raw`(?:"(?:[^"]|"")*"|[^\s".]+)`
const ATTACH = new RegExp(`^(.*) ATTACH PARTITION (${IDENTIFIER}\\.${IDENTIFIER}) .*$`, 'su')
const PUBLISHED_TABLE = new RegExp(
  `^(.*) ADD TABLE (ONLY )?(${IDENTIFIER}\\.${IDENTIFIER}).*$`,
  'su',
)
const PRIVILEGE = new RegExp(
  `^(?:GRANT|REVOKE) (.*?) ON (.*) (?:TO|FROM) (${IDENTIFIER})(?: WITH GRANT OPTION)?$`,
  'su',
)

const withoutPublishedTable = (definition: string) =>
  definition.replace(PUBLISHED_TABLE, '$1 DROP TABLE $3')

/** `COMMENT ON SCHEMA a IS 'text';` → `COMMENT ON SCHEMA a IS NULL`, or what initdb says of `public`. */
function withoutComment({ name, definition }: SchemaEntry): string {
  const comment = name === 'SCHEMA public' ? `'${PUBLIC_SCHEMA_COMMENT}'` : 'NULL'
  return withoutSemicolon(definition).replace(/ IS E?'.*'$/s, ` IS ${comment}`)
}

/** What PUBLIC has on a new object, by the word that GRANT uses for it. */
const PUBLIC_PRIVILEGES: Readonly<Record<string, string>> = {
  FUNCTION: 'EXECUTE',
  PROCEDURE: 'EXECUTE',
  ROUTINE: 'EXECUTE',
  TYPE: 'USAGE',
  DOMAIN: 'USAGE',
  LANGUAGE: 'USAGE',
}

/** Brings privileges back to what a new object of that owner has, which is what pg_dump's grants start from. */
function takeBackPrivileges({ name, owner, definition }: SchemaEntry): string[] {
  const revokes = new Set<string>()
  let object = ''
  for (const statement of splitTopLevel(definition ?? '', ';')) {
    const [, privileges, on, grantee] = PRIVILEGE.exec(statement) ?? []
    if (privileges === undefined) continue
    object = on!
    const what = privileges.includes('(') ? privileges : 'ALL'
    revokes.add(`REVOKE ${what} ON ${on} FROM ${grantee} CASCADE`)
  }
  if (object === '' || name.startsWith('COLUMN ') || owner === null) return [...revokes]
  const grants = [`GRANT ALL ON ${object} TO ${quoteIdentifier(owner)}`]
  const forPublic =
    object === 'SCHEMA public'
      ? PUBLIC_SCHEMA_PRIVILEGE
      : PUBLIC_PRIVILEGES[/^[A-Z]+/.exec(object)?.[0] ?? '']
  if (forPublic !== undefined) grants.push(`GRANT ${forPublic} ON ${object} TO PUBLIC`)
  return [...revokes, ...grants]
}

import { LARGE_OBJECT_PAGE_BYTES } from '../capture/capture-large-objects.ts'
import { InvariantError } from '../errors.ts'
import { bytesToRow, decodeField, splitFields } from '../format/copy-text.ts'
import { checkLargeObjectEntry } from '../format/stream-entries.ts'
import type { LargeObjectEntry, Tree } from '../format/values.ts'
import { readJsonStream } from '../objects/read-json-stream.ts'
import { readRows, type StreamReader } from '../objects/walk-manifest.ts'
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts'

/**
 * Writes the statements that make a tree's large objects, with their OIDs.
 *
 * @param options.withOwners, withPrivileges  as for schema entries
 * @param options.isWanted  which of them; all when not given
 */
export async function* formatLargeObjects(
  objects: StreamReader,
  { metadata, pages }: Tree['largeObjects'],
  options: {
    withOwners: boolean
    withPrivileges: boolean
    isWanted?: ((oid: number) => boolean) | undefined
  },
): AsyncGenerator<string> {
  const { isWanted = () => true } = options
  const all = await readJsonStream(objects, metadata, checkLargeObjectEntry)
  const entries = all.filter(({ oid }) => isWanted(oid))
  for (const { oid } of entries) yield `SELECT pg_catalog.lo_create(${oid});`
  yield* formatPages(objects, pages, isWanted)
  for (const entry of entries) yield* formatAccess(entry, options)
}

async function* formatPages(
  objects: StreamReader,
  pages: Tree['largeObjects']['pages'],
  isWanted: (oid: number) => boolean,
): AsyncGenerator<string> {
  let rest = ''
  for await (const piece of readRows(objects, pages)) {
    const rows = (rest + bytesToRow(piece)).split('\n')
    rest = rows.pop()!
    for (const row of rows) {
      const [oid, page, data] = splitFields(row).map(decodeField)
      if (!isWanted(Number(oid))) continue
      const offsetBytes = BigInt(page!) * BigInt(LARGE_OBJECT_PAGE_BYTES)
      yield `SELECT pg_catalog.lo_put(${oid}, ${offsetBytes}, '${data}'::bytea);`
    }
  }
}

function* formatAccess(
  { oid, owner, acl, comment }: LargeObjectEntry,
  { withOwners, withPrivileges }: { withOwners: boolean; withPrivileges: boolean },
): Generator<string> {
  const object = `LARGE OBJECT ${oid}`
  if (withOwners) yield `ALTER ${object} OWNER TO ${quoteIdentifier(owner)};`
  if (comment !== null) yield `COMMENT ON ${object} IS ${quoteLiteral(comment)};`
  if (acl === null || !withPrivileges) return
  // A stored list replaces the default one (everything to the owner), so that goes first.
  yield `REVOKE ALL ON ${object} FROM ${quoteIdentifier(owner)};`
  for (const { grantee, privilege, isGrantable, grantor } of parseAcl(acl)) {
    const to = grantee === '' ? 'PUBLIC' : quoteIdentifier(grantee)
    const grant = `GRANT ${privilege} ON ${object} TO ${to}${isGrantable ? ' WITH GRANT OPTION' : ''};`
    const isByOwner = grantor === owner
    yield isByOwner ? grant : `SET LOCAL ROLE ${quoteIdentifier(grantor)};\n${grant}\nRESET ROLE;`
  }
}

interface Grant {
  /** Empty for PUBLIC. */
  grantee: string
  grantor: string
  privilege: string
  isGrantable: boolean
}

const PRIVILEGES: Readonly<Record<string, string>> = { r: 'SELECT', w: 'UPDATE' }

/**
 * Reads the text form of `aclitem[]`: `{ada=rw/ada,=r/ada}`, roles and items quoted where
 * needed, a star after what may be granted on (PostgreSQL manual, "Privileges").
 */
export function parseAcl(acl: string): Grant[] {
  return [...acl.slice(1, -1).matchAll(/"(?:[^"\\]|\\.)*"|[^,]+/gs)].flatMap(([element]) =>
    parseAclItem(
      element.startsWith('"') ? element.slice(1, -1).replaceAll(/\\(.)/gs, '$1') : element,
    ),
  )
}

const ROLE = '("(?:[^"]|"")*"|[^="/]*)'
const ACL_ITEM = new RegExp(`^${ROLE}=([a-zA-Z*]*)/${ROLE}$`, 's')

function parseAclItem(item: string): Grant[] {
  const match = ACL_ITEM.exec(item)
  if (match === null) throw new InvariantError(`cannot read privileges '${item}'`)
  const [grantee, grantor] = [unquoteRole(match[1]!), unquoteRole(match[3]!)]
  return [...match[2]!.matchAll(/([a-zA-Z])(\*?)/g)].map(([, letter, star]) => {
    const privilege = PRIVILEGES[letter!]
    if (privilege === undefined) throw new InvariantError(`cannot read privilege '${letter}'`)
    return { grantee, grantor, privilege, isGrantable: star === '*' }
  })
}

function unquoteRole(role: string): string {
  return role.startsWith('"') ? role.slice(1, -1).replaceAll('""', '"') : role
}

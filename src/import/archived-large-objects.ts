/**
 * What an archive says of large objects besides their bytes.
 *
 * Up to version 1.15 each has an entry `BLOB`. Since 1.16 (PostgreSQL 17) those
 * with one owner and the same grants share a `BLOB METADATA`, whose definition
 * lists their OIDs, and an `ACL` that speaks of the first of them.
 */
import { quoteIdentifier } from '../postgres/quote.ts'
import type { TocEntryWithData } from '../schema/toc.ts'

export interface ArchivedLargeObjects {
  oids: number[]
  /** Run when the bytes are in. */
  owners: string[]
  comments: string[]
  privileges: string[]
}

export function isOfLargeObjects({ kind, tag }: TocEntryWithData): boolean {
  if (kind === 'BLOB' || kind === 'BLOB METADATA' || kind === 'BLOBS') return true
  return ABOUT_OBJECTS.has(kind) && /^LARGE OBJECTS? \d/.test(tag)
}

const ABOUT_OBJECTS = new Set(['ACL', 'COMMENT', 'SECURITY LABEL'])

/** @param entries  those that `isOfLargeObjects` chooses */
export function planLargeObjects(entries: readonly TocEntryWithData[]): ArchivedLargeObjects {
  const plan: ArchivedLargeObjects = { oids: [], owners: [], comments: [], privileges: [] }
  const oidsById = new Map(entries.map((entry) => [entry.dumpId, oidsOf(entry)]))
  for (const entry of entries) {
    const { kind, owner, definition, tag, dependencies } = entry
    const oids = oidsById.get(entry.dumpId)!
    plan.oids.push(...oids)
    if (owner !== null) {
      const role = quoteIdentifier(owner)
      plan.owners.push(...oids.map((oid) => `ALTER LARGE OBJECT ${oid} OWNER TO ${role}`))
    }
    if (definition === null || kind.startsWith('BLOB')) continue
    if (kind !== 'ACL') plan.comments.push(definition)
    else if (tag.startsWith('LARGE OBJECTS')) {
      const group = dependencies.flatMap((id) => oidsById.get(id) ?? [])
      plan.privileges.push(...group.map((oid) => aboutObject(definition, oid)))
    } else plan.privileges.push(definition)
  }
  return plan
}

function oidsOf({ kind, tag, definition }: TocEntryWithData): number[] {
  if (kind === 'BLOB') return [Number(tag)]
  return kind === 'BLOB METADATA' ? ((definition ?? '').match(/\d+/g)?.map(Number) ?? []) : []
}

/** The same grants, on another object; a role may have any name. */
function aboutObject(definition: string, oid: number): string {
  return definition.replace(/"(?:[^"]|"")*"|\bLARGE OBJECT \d+/g, (text) =>
    text.startsWith('"') ? text : `LARGE OBJECT ${oid}`,
  )
}

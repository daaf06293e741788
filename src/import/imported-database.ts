import type { Commit } from '../format/values.ts'

/**
 * What an imported commit says of its database. The server that restored it is
 * no part of the story: its identity, OIDs and log position would pass for those
 * of the database that the dump is of. Its version stays: definitions are in its words.
 *
 * @see store-format.md §5.2 "Commit"
 */
export function describeImported(
  restored: Commit['database'],
  { name, dumpedAt }: { name: string; dumpedAt: Date },
): Commit['database'] {
  return {
    ...restored,
    name,
    oid: 0,
    systemIdentifier: null,
    lsn: null,
    snapshotAt: dumpedAt.toISOString(),
  }
}

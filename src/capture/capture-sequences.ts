import type { SequenceState } from '../format/values.ts'
import { qualifiedName, quoteLiteral } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import { byNamespaceAndName } from './list-relations.ts'

/** A statement of this many branches plans in milliseconds and saves as many round trips. */
const SEQUENCES_PER_QUERY = 200

/**
 * Reads the position of every sequence given.
 *
 * Sequences are not MVCC: the position is that of now, not of the snapshot, and
 * so at or past every value the snapshot's rows hold. Call it after the snapshot
 * has been taken.
 */
export async function readSequenceStates(
  session: Session,
  sequences: readonly { namespace: string; name: string }[],
): Promise<SequenceState[]> {
  const states: SequenceState[] = []
  for (let i = 0; i < sequences.length; i += SEQUENCES_PER_QUERY) {
    const branches = sequences.slice(i, i + SEQUENCES_PER_QUERY).map(
      ({ namespace, name }) =>
        `SELECT ${quoteLiteral(namespace)} AS namespace, ${quoteLiteral(name)} AS name,
                last_value::text AS last_value, is_called FROM ${qualifiedName({ namespace, name })}`,
    )
    const rows = await session.query<{
      namespace: string
      name: string
      last_value: string
      is_called: boolean
    }>(branches.join('\nUNION ALL\n'))
    for (const row of rows) {
      const { namespace, name } = row
      states.push({ namespace, name, lastValue: row.last_value, isCalled: row.is_called })
    }
  }
  return states.sort(byNamespaceAndName)
}

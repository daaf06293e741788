import { readSequenceStates } from '../capture/capture-sequences.ts'
import { decodeJsonLines } from '../format/json-lines.ts'
import { checkSequenceState } from '../format/stream-entries.ts'
import type { ManifestRef, SequenceState } from '../format/values.ts'
import { readRows, type StreamReader } from '../objects/walk-manifest.ts'
import { qualifiedName, quoteLiteral } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import { runStatements } from './statement.ts'

/** Reads the sequence positions that a tree holds, sorted as stored. */
export async function readSequences(
  objects: StreamReader,
  sequences: ManifestRef,
): Promise<SequenceState[]> {
  const states: SequenceState[] = []
  for await (const state of decodeJsonLines(readRows(objects, sequences), checkSequenceState)) {
    states.push(state)
  }
  return states
}

/**
 * Sets sequences, for the open transaction alone until it commits.
 *
 * `setval` is not transactional: it writes into the sequence's file at once.
 * ALTER SEQUENCE … RESTART gives the sequence a new file first, which goes when
 * the transaction is rolled back, so that a sequence that stood before (an
 * extension's) is then as it was.
 */
export async function setSequences(
  session: Session,
  states: readonly SequenceState[],
): Promise<void> {
  await runStatements(
    session,
    states.map((state) => ({
      subject: `position of SEQUENCE ${state.namespace}.${state.name}`,
      sql: `ALTER SEQUENCE ${qualifiedName(state)} RESTART;
        SELECT pg_catalog.setval(${quoteLiteral(qualifiedName(state))}, ${state.lastValue}, ${state.isCalled})`,
    })),
  )
}

/** Sets the sequences that are elsewhere; setting one keeps others from using it until COMMIT. */
export async function moveSequences(
  session: Session,
  wanted: readonly SequenceState[],
): Promise<void> {
  const nameOf = ({ namespace, name }: SequenceState) => qualifiedName({ namespace, name })
  const found = new Map(
    (await readSequenceStates(session, wanted)).map((state) => [nameOf(state), state]),
  )
  const isElsewhere = (state: SequenceState) => {
    const now = found.get(nameOf(state))
    return now?.lastValue !== state.lastValue || now.isCalled !== state.isCalled
  }
  await setSequences(session, wanted.filter(isElsewhere))
}

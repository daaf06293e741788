/**
 * Where sequences stand after rows came with numbers of their own.
 *
 * A row that is inserted later takes its number from the sequence; if that lies
 * behind what was loaded, the insertion fails. So it is moved past it, in the
 * transaction of the load, and never back.
 */
import { qualifiedName, quoteLiteral } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import type { LoadPlan } from './plan-load.ts'

/** A sequence that gives a loaded column its numbers, and stood behind what was loaded. */
export interface LoadedSequence {
  /** `public.people_id_seq`. */
  name: string
  /** Of the table. */
  column: string
  /** The last number it has given; null when it has given none. */
  from: string | null
  /** The highest number that was loaded; the lowest, where the sequence counts down. */
  to: string
  /** `notPermitted`: the user may load rows, and not set the sequence. */
  outcome: 'moved' | 'left' | 'notPermitted'
}

interface ColumnSequence {
  namespace: string
  name: string
  column: string
  increment: string
  /** Numbers beyond it the sequence will never give. */
  bound: string
  isOwned: boolean
  maySet: boolean
}

/**
 * Moves the sequences of loaded columns that stand behind the rows of `pg_temp.snap_load`.
 *
 * Belongs last before COMMIT: whoever wants a number of such a sequence waits for it from here on.
 *
 * @param options.moves  false: says only what would be moved, or is left
 */
export async function moveSequencesPast(
  session: Session,
  plan: LoadPlan,
  options: { moves: boolean; leaves: boolean },
): Promise<LoadedSequence[]> {
  const loaded: LoadedSequence[] = []
  for (const sequence of await readColumnSequences(session, plan)) {
    const [name, position] = [
      qualifiedName(sequence),
      plan.columns.findIndex((column) => column?.name === sequence.column),
    ]
    const { castType } = plan.columns[position]!
    const isDown = sequence.increment.startsWith('-')
    const [extreme, within, isBehind] = isDown ? ['min', 'greatest', '>'] : ['max', 'least', '<']
    const [found] = await session.query<{ from: string | null; to: string }>(
      `SELECT CASE WHEN s.is_called THEN s.last_value END::text AS from, loaded.value::text AS to
         FROM ${name} AS s, (SELECT ${within}(${extreme}(c${position}::${castType}), ${sequence.bound}) AS value FROM pg_temp.snap_load) AS loaded
        WHERE s.last_value ${isBehind} loaded.value OR (s.last_value = loaded.value AND NOT s.is_called)`,
    )
    if (found === undefined) continue
    const outcome = options.leaves ? 'left' : sequence.maySet ? 'moved' : 'notPermitted'
    if (outcome === 'moved' && options.moves) await moveSequence(session, sequence, found.to)
    const { column } = sequence
    loaded.push({ name: `${sequence.namespace}.${sequence.name}`, column, ...found, outcome })
  }
  return loaded
}

async function moveSequence(
  session: Session,
  { namespace, name, increment, isOwned }: ColumnSequence,
  to: string,
): Promise<void> {
  const sequence = qualifiedName({ namespace, name })
  // setval is not transactional, and nothing else locks a sequence. ALTER SEQUENCE, which changes
  // nothing here, keeps others from taking numbers meanwhile and gives the sequence a new file, which
  // goes if the transaction is rolled back. Only its owner may; for others setval has to do.
  if (isOwned) await session.execute(`ALTER SEQUENCE ${sequence} INCREMENT BY ${increment}`)
  const isBehind = increment.startsWith('-') ? '>' : '<'
  await session.execute(
    `SELECT pg_catalog.setval(${quoteLiteral(sequence)}, ${to}) FROM ${sequence} AS s
      WHERE s.last_value ${isBehind} ${to} OR (s.last_value = ${to} AND NOT s.is_called)`,
  )
}

/** Of whole numbers only: owned by the column (serial, identity, also of the partitioned table), or named in its default. */
async function readColumnSequences(
  session: Session,
  { table, columns }: LoadPlan,
): Promise<ColumnSequence[]> {
  const names = columns.flatMap((column) => (column === null ? [] : [column.name]))
  return session.query<ColumnSequence>(
    `WITH tables AS (
       SELECT ${quoteLiteral(qualifiedName(table))}::regclass AS oid
        UNION SELECT relid FROM pg_catalog.pg_partition_ancestors(${quoteLiteral(qualifiedName(table))}::regclass)),
     used AS (
       SELECT d.refobjid AS table_oid, d.refobjsubid AS attnum, d.objid AS sequence_oid
         FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
          AND d.deptype IN ('a', 'i') AND d.refobjid IN (SELECT oid FROM tables)
       UNION
       SELECT a.adrelid, a.adnum, d.refobjid
         FROM pg_catalog.pg_attrdef a JOIN pg_catalog.pg_depend d
           ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = a.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass
        WHERE a.adrelid IN (SELECT oid FROM tables))
     SELECT DISTINCT n.nspname AS namespace, s.relname AS name, a.attname AS column, q.seqincrement::text AS increment,
            CASE WHEN q.seqincrement > 0 THEN q.seqmax ELSE q.seqmin END::text AS bound,
            pg_catalog.pg_has_role(s.relowner, 'USAGE') AS "isOwned",
            pg_catalog.has_sequence_privilege(s.oid, 'UPDATE') AS "maySet"
       FROM used u JOIN pg_catalog.pg_class s ON s.oid = u.sequence_oid AND s.relkind = 'S'
       JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid
       JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
       JOIN pg_catalog.pg_attribute a ON a.attrelid = u.table_oid AND a.attnum = u.attnum
      WHERE a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) AND a.attname = ANY ($1)
        AND pg_catalog.has_sequence_privilege(s.oid, 'SELECT')
      ORDER BY 1, 2, 3`,
    [names],
  )
}

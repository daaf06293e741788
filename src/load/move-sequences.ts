/**
 * Where sequences stand after rows came with numbers of their own.
 *
 * A row that is inserted later takes its number from the sequence; if that lies
 * behind what was loaded, the insertion fails. So it is moved past it when the
 * rows are in, and never back.
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
  /** Counts down. */
  isDown: boolean
  /** Numbers beyond it the sequence will never give. */
  bound: string
  maySet: boolean
}

/**
 * Moves the sequences of loaded columns that stand behind the rows of `pg_temp.snap_load`.
 *
 * Belongs last before COMMIT: `setval` is not rolled back. Should the COMMIT fail, some numbers are
 * left out, as after every insertion that fails. It locks nothing: whoever takes a number first and
 * inserts then, as some libraries do, would wait for the table while this waits for the sequence.
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
    const { column, isDown, bound, maySet } = sequence
    const name = qualifiedName(sequence)
    const position = plan.columns.findIndex((each) => each?.name === column)
    const value = `c${position}::${plan.columns[position]!.castType}`
    const [extreme, within, isBehind] = isDown ? ['min', 'greatest', '>'] : ['max', 'least', '<']
    const [found] = await session.query<{ from: string | null; to: string }>(
      `WITH loaded AS (
         SELECT ${extreme}(${value}) AS value FROM pg_temp.snap_load HAVING ${extreme}(${value}) IS NOT NULL),
       wanted AS (SELECT ${within}(value, ${bound}) AS value FROM loaded)
       SELECT CASE WHEN s.is_called THEN s.last_value END::text AS from, wanted.value::text AS to
         FROM ${name} AS s, wanted
        WHERE s.last_value ${isBehind} wanted.value OR (s.last_value = wanted.value AND NOT s.is_called)`,
    )
    if (found === undefined) continue
    const outcome = options.leaves ? 'left' : maySet ? 'moved' : 'notPermitted'
    if (outcome === 'moved' && options.moves) {
      // Read once more: others may have taken numbers meanwhile.
      await session.execute(
        `SELECT pg_catalog.setval(${quoteLiteral(name)}, ${found.to}) FROM ${name} AS s
          WHERE s.last_value ${isBehind} ${found.to} OR (s.last_value = ${found.to} AND NOT s.is_called)`,
      )
    }
    loaded.push({ name: `${sequence.namespace}.${sequence.name}`, column, ...found, outcome })
  }
  return loaded
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
     SELECT DISTINCT n.nspname AS namespace, s.relname AS name, a.attname AS column, q.seqincrement < 0 AS "isDown",
            CASE WHEN q.seqincrement > 0 THEN q.seqmax ELSE q.seqmin END::text AS bound,
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

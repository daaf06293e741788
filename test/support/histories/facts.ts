/**
 * What stands in a database, so that the next random change can be about something that is there.
 *
 * Names come quoted and qualified, lists sorted by name: the same history meets the same lists.
 */
import type pg from 'pg'

export interface ColumnFacts {
  name: string
  type: string
  isNotNull: boolean
  isGenerated: boolean
  isIdentity: boolean
  hasDefault: boolean
}

export interface TableFacts {
  name: string
  /** `r` a table, `p` a partitioned one, `m` a materialized view, `v` a view. */
  kind: 'r' | 'p' | 'm' | 'v'
  columns: ColumnFacts[]
  /** Of a partition or an inheriting table. */
  parent: string | null
  isPartition: boolean
  hasChildren: boolean
  /** `r`, `l`, `h` of a partitioned table. */
  strategy: string | null
}

interface Belonging {
  name: string
  table: string
}

export interface DatabaseFacts {
  schemas: string[]
  /** Tables, plain and partitioned. */
  tables: TableFacts[]
  views: TableFacts[]
  materializedViews: TableFacts[]
  sequences: string[]
  indexes: (Belonging & { bareName: string; isUnique: boolean })[]
  constraints: (Belonging & { kind: string })[]
  triggers: Belonging[]
  rules: Belonging[]
  policies: Belonging[]
  /** Enums, domains, composites. */
  types: { name: string; kind: 'e' | 'd' | 'c' }[]
  /** `name` with its arguments. */
  routines: { name: string; kind: string; returns: string }[]
  statistics: string[]
  publications: string[]
  eventTriggers: string[]
  largeObjects: number[]
}

const USER = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`
const NOT_OF_EXTENSION = (oid: string) =>
  `NOT EXISTS (SELECT FROM pg_depend x WHERE x.objid = ${oid} AND x.deptype = 'e')`

const list = (select: string) => `(SELECT coalesce(json_agg(f), '[]') FROM (${select}) AS f)`
const names = (select: string) => `(SELECT coalesce(json_agg(f.name), '[]') FROM (${select}) AS f)`

const relations = (kinds: string) => `
  SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relkind::text AS kind,
    (SELECT coalesce(json_agg(json_build_object('name', quote_ident(attname), 'type', format_type(atttypid, atttypmod),
        'isNotNull', attnotnull, 'isGenerated', attgenerated <> '', 'isIdentity', attidentity <> '',
        'hasDefault', atthasdef AND attgenerated = '') ORDER BY attnum), '[]')
       FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns,
    (SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = c.oid AND inhseqno = 1) AS parent,
    c.relispartition AS "isPartition",
    EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid) AS "hasChildren",
    (SELECT partstrat::text FROM pg_partitioned_table WHERE partrelid = c.oid) AS strategy
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN (${kinds}) AND c.relpersistence <> 't' AND ${USER} ORDER BY 1`

const QUERY = `SET search_path = ''; SELECT json_build_object(
  'schemas', ${names(`SELECT quote_ident(nspname) AS name FROM pg_namespace n WHERE ${USER} ORDER BY 1`)},
  'tables', ${list(relations(`'r', 'p'`))},
  'views', ${list(relations(`'v'`))},
  'materializedViews', ${list(relations(`'m'`))},
  'sequences', ${names(`SELECT format('%I.%I', n.nspname, c.relname) AS name
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE relkind = 'S' AND ${USER} ORDER BY 1`)},
  'indexes', ${list(`SELECT format('%I.%I', n.nspname, c.relname) AS name, quote_ident(c.relname) AS "bareName",
       indrelid::regclass::text AS "table", indisunique AS "isUnique"
     FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${USER} ORDER BY 1`)},
  'constraints', ${list(`SELECT quote_ident(conname) AS name, conrelid::regclass::text AS "table", contype::text AS kind
     FROM pg_constraint c JOIN pg_namespace n ON n.oid = connamespace WHERE conrelid <> 0 AND contype <> 't' AND ${USER} ORDER BY 2, 1`)},
  'triggers', ${list(`SELECT quote_ident(tgname) AS name, tgrelid::regclass::text AS "table"
     FROM pg_trigger WHERE NOT tgisinternal ORDER BY 2, 1`)},
  'rules', ${list(`SELECT quote_ident(rulename) AS name, ev_class::regclass::text AS "table"
     FROM pg_rewrite WHERE rulename <> '_RETURN' AND ev_class >= 16384 ORDER BY 2, 1`)},
  'policies', ${list(`SELECT quote_ident(polname) AS name, polrelid::regclass::text AS "table" FROM pg_policy ORDER BY 2, 1`)},
  'types', ${list(`SELECT format('%I.%I', n.nspname, typname) AS name, typtype::text AS kind
     FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace LEFT JOIN pg_class c ON c.oid = typrelid
     WHERE typtype IN ('e', 'd', 'c') AND coalesce(c.relkind, 'c') = 'c' AND ${USER} AND ${NOT_OF_EXTENSION('t.oid')} ORDER BY 1`)},
  'routines', ${list(`SELECT p.oid::regprocedure::text AS name, prokind::text AS kind, prorettype::regtype::text AS returns
     FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE ${USER} AND ${NOT_OF_EXTENSION('p.oid')} ORDER BY 1`)},
  'statistics', ${names(`SELECT format('%I.%I', n.nspname, stxname) AS name
     FROM pg_statistic_ext JOIN pg_namespace n ON n.oid = stxnamespace ORDER BY 1`)},
  'publications', ${names('SELECT quote_ident(pubname) AS name FROM pg_publication ORDER BY 1')},
  'eventTriggers', ${names('SELECT quote_ident(evtname) AS name FROM pg_event_trigger ORDER BY 1')},
  'largeObjects', ${names('SELECT oid::bigint AS name FROM pg_largeobject_metadata ORDER BY 1')}
) AS facts`

export async function readFacts(client: pg.Client): Promise<DatabaseFacts> {
  const results = (await client.query(QUERY)) as unknown as pg.QueryResult<{
    facts: DatabaseFacts
  }>[]
  return results.at(-1)!.rows[0]!.facts
}

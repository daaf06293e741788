/**
 * Ways to damage a database, for tests that put it back.
 *
 * Each goes by the catalog and so damages whatever is there. Each statement
 * stands alone: one that the server refuses, because something else needs the
 * object or a constraint forbids the value, leaves that object as it is and the
 * rest is damaged all the same.
 */
import pg from 'pg'

export type Wrecking = (client: pg.Client) => Promise<void>

const USER_SCHEMA = `(nspname !~ '^pg_' AND nspname <> 'information_schema')`

/** Tables with rows of their own, with `relation` quoted and qualified. */
const TABLES = `(
  SELECT c.oid, c.relname, c.relispartition, format('%I.%I', nspname, relname) AS relation
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
  WHERE relkind = 'r' AND ${USER_SCHEMA} AND ${notOfExtension('pg_class', 'c.oid')}
  ORDER BY nspname, relname
) AS tables`

/** Their columns, newest first. */
const COLUMNS = `(
  SELECT relation, quote_ident(attname) AS name, attnum, atttypid::regtype AS type, attgenerated, attidentity, attinhcount,
    row_number() OVER (PARTITION BY attrelid ORDER BY attnum DESC) AS from_the_end
  FROM ${TABLES} JOIN pg_attribute ON attrelid = tables.oid AND attnum > 0 AND NOT attisdropped
) AS columns`

function notOfExtension(catalog: string, oid: string): string {
  return `NOT EXISTS (SELECT FROM pg_depend WHERE classid = '${catalog}'::regclass AND objid = ${oid} AND deptype = 'e')`
}

/** Runs each statement that `listing` returns in a column called `statement`. */
async function tryEach(client: pg.Client, listing: string): Promise<void> {
  const { rows } = await client.query<{ statement: string }>(listing)
  for (const { statement } of rows) await tryOne(client, statement)
}

async function tryOne(client: pg.Client, statement: string): Promise<void> {
  try {
    await client.query(statement)
  } catch (error) {
    const isRefusal = error instanceof pg.DatabaseError && error.severity === 'ERROR'
    if (!isRefusal) throw error
  }
}

/** Runs `work` without foreign keys and ordinary triggers in the way. */
async function unhindered(client: pg.Client, work: () => Promise<void>): Promise<void> {
  await client.query('SET session_replication_role = replica')
  await work()
  await client.query('RESET session_replication_role')
}

const deleteRows: Wrecking = (client) =>
  unhindered(client, () =>
    tryEach(
      client,
      `SELECT format('DELETE FROM ONLY %s WHERE hashtext(ctid::text) %% 2 = 0', relation) AS statement FROM ${TABLES}`,
    ),
  )

const truncateTables: Wrecking = (client) =>
  tryEach(client, `SELECT format('TRUNCATE %s CASCADE', relation) AS statement FROM ${TABLES}`)

const updateRows: Wrecking = (client) =>
  unhindered(client, () =>
    tryEach(
      client,
      `SELECT format('UPDATE ONLY %s SET %s = %2$s || %L', relation, name, CASE WHEN type = 'text'::regtype THEN '~' ELSE '\\x7e' END) AS statement
       FROM ${COLUMNS} WHERE type IN ('text'::regtype, 'bytea'::regtype) AND attgenerated = ''
       UNION ALL
       SELECT format('UPDATE ONLY %s SET %s = %2$s / 2 + 1', relation, name)
       FROM ${COLUMNS} WHERE type IN ('int'::regtype, 'numeric'::regtype) AND attgenerated = ''`,
    ),
  )

const insertRows: Wrecking = (client) =>
  unhindered(client, () =>
    tryEach(
      client,
      `SELECT format('INSERT INTO %s DEFAULT VALUES', relation) AS statement FROM ${TABLES}
       UNION ALL SELECT format('INSERT INTO %s SELECT * FROM ONLY %1$s LIMIT 3', relation) FROM ${TABLES}`,
    ),
  )

const dropColumns: Wrecking = (client) =>
  tryEach(
    client,
    `SELECT format('ALTER TABLE %s DROP COLUMN %s CASCADE', relation, name) AS statement
     FROM ${COLUMNS} WHERE from_the_end = 1`,
  )

const addColumns: Wrecking = (client) =>
  tryEach(
    client,
    `SELECT format('ALTER TABLE %s ADD COLUMN added int DEFAULT 7', relation) AS statement FROM ${TABLES}
     UNION ALL
     SELECT format('ALTER TABLE %s ALTER %s SET DEFAULT NULL', relation, name) FROM ${COLUMNS} WHERE attidentity = '' AND attgenerated = ''
     UNION ALL
     SELECT format('ALTER TABLE %s ALTER %s DROP NOT NULL', relation, name) FROM ${COLUMNS}`,
  )

const dropTables: Wrecking = (client) =>
  tryEach(
    client,
    `SELECT format('DROP TABLE IF EXISTS %s CASCADE', relation) AS statement FROM ${TABLES} WHERE hashtext(relname) % 2 = 0`,
  )

const dropSchemas: Wrecking = (client) =>
  tryEach(
    client,
    `SELECT format('DROP SCHEMA %I CASCADE', nspname) AS statement FROM pg_namespace
     WHERE ${USER_SCHEMA} AND nspname <> 'public' ORDER BY nspname LIMIT 4`,
  )

const renameObjects: Wrecking = (client) =>
  tryEach(
    client,
    `SELECT format('ALTER TABLE %s RENAME COLUMN %s TO renamed_%s', relation, name, attnum) AS statement FROM ${COLUMNS}
     UNION ALL
     SELECT format('ALTER TABLE %s RENAME TO renamed_%s', relation, oid) FROM ${TABLES}
     UNION ALL
     SELECT format('ALTER ROUTINE %s RENAME TO renamed_%s', p.oid::regprocedure, p.oid)
     FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE ${USER_SCHEMA} AND ${notOfExtension('pg_proc', 'p.oid')}
     UNION ALL
     SELECT format('ALTER TYPE %s RENAME TO renamed_%s', t.oid::regtype, t.oid)
     FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace
     WHERE ${USER_SCHEMA} AND typtype IN ('e', 'd', 'r') AND ${notOfExtension('pg_type', 't.oid')}
     UNION ALL
     SELECT format('ALTER SCHEMA %I RENAME TO renamed_%s', nspname, oid) FROM pg_namespace WHERE ${USER_SCHEMA} AND nspname <> 'public'`,
  )

const alterTypes: Wrecking = (client) =>
  tryEach(
    client,
    `SELECT format('ALTER TABLE %s ALTER %s TYPE text USING %2$s::text', relation, name) AS statement
     FROM ${COLUMNS} WHERE type IN ('int'::regtype, 'numeric'::regtype, 'timestamptz'::regtype) AND attnum % 2 = 0
     UNION ALL
     SELECT format('ALTER TYPE %s ADD VALUE %L', t.oid::regtype, 'added later')
     FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE ${USER_SCHEMA} AND typtype = 'e'
     UNION ALL
     SELECT format('ALTER TYPE %s RENAME VALUE %L TO %L', enumtypid::regtype, min(enumlabel), 'was ' || min(enumlabel))
     FROM pg_enum GROUP BY enumtypid
     UNION ALL
     SELECT format('ALTER DOMAIN %s DROP CONSTRAINT %I', contypid::regtype, conname) FROM pg_constraint
     WHERE contypid <> 0 AND contypid >= 16384
     UNION ALL
     SELECT format('ALTER TYPE %s ADD ATTRIBUTE added int CASCADE', c.reltype::regtype)
     FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'c' AND ${USER_SCHEMA}`,
  )

const dropRoutines: Wrecking = (client) =>
  tryEach(
    client,
    `SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', p.oid::regprocedure) AS statement
     FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE ${USER_SCHEMA} AND ${notOfExtension('pg_proc', 'p.oid')}
     ORDER BY proname, p.oid`,
  )

const dropViews: Wrecking = (client) =>
  tryEach(
    client,
    `SELECT format('DROP %sVIEW IF EXISTS %I.%I CASCADE', CASE relkind WHEN 'm' THEN 'MATERIALIZED ' ELSE '' END, nspname, relname) AS statement
     FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('v', 'm') AND ${USER_SCHEMA}
     ORDER BY nspname, relname`,
  )

const refreshOrEmptyViews: Wrecking = (client) =>
  tryEach(
    client,
    `SELECT format('REFRESH MATERIALIZED VIEW %I.%I WITH %sDATA', nspname, relname, CASE WHEN relispopulated THEN 'NO ' ELSE '' END) AS statement
     FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'm' ORDER BY relispopulated, nspname, relname`,
  )

const dropTypes: Wrecking = (client) =>
  tryEach(
    client,
    `SELECT format('DROP TYPE IF EXISTS %s CASCADE', t.oid::regtype) AS statement
     FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace LEFT JOIN pg_class c ON c.oid = typrelid
     WHERE ${USER_SCHEMA} AND typelem = 0 AND coalesce(relkind, 'c') = 'c' AND ${notOfExtension('pg_type', 't.oid')}
     ORDER BY nspname, typname`,
  )

const dropExtensions: Wrecking = (client) =>
  tryEach(
    client,
    `SELECT format('DROP EXTENSION IF EXISTS %I CASCADE', extname) AS statement FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY extname`,
  )

const breakSequences: Wrecking = (client) =>
  tryEach(
    client,
    `SELECT format('SELECT setval(%L, %s, %s)', seqrelid::regclass, seqmin + (seqmax - seqmin) / 2, (seqrelid::int % 2 = 0)::text) AS statement FROM pg_sequence
     UNION ALL
     SELECT format('ALTER SEQUENCE %s INCREMENT BY %s CACHE 3', seqrelid::regclass, seqincrement * 2) FROM pg_sequence`,
  )

const unlinkLargeObjects: Wrecking = async (client) => {
  await tryEach(
    client,
    `SELECT format(CASE oid::bigint % 3 WHEN 0 THEN 'SELECT lo_unlink(%s)' WHEN 1 THEN 'SELECT lo_put(%s, 3, ''overwritten'')'
       ELSE 'ALTER LARGE OBJECT %s OWNER TO snap_wrecker' END, oid) AS statement FROM pg_largeobject_metadata`,
  )
  await client.query(`SELECT lo_from_bytea(0, 'was not there')`)
}

const changeRights: Wrecking = (client) =>
  tryEach(
    client,
    `SELECT format('REVOKE ALL ON %s FROM PUBLIC, snap_wrecker', relation) AS statement FROM ${TABLES} WHERE hashtext(relname) % 2 = 0
     UNION ALL
     SELECT format('GRANT ALL ON %s TO PUBLIC, snap_wrecker', relation) FROM ${TABLES} WHERE hashtext(relname) % 2 <> 0
     UNION ALL
     SELECT format('ALTER TABLE %s OWNER TO snap_wrecker', relation) FROM ${TABLES} WHERE hashtext(relname) % 3 = 0
     UNION ALL
     SELECT format('GRANT ALL ON SCHEMA %I TO PUBLIC', nspname) FROM pg_namespace WHERE ${USER_SCHEMA}
     UNION ALL
     SELECT format('REVOKE ALL ON ALL %s IN SCHEMA %I FROM PUBLIC', kind, nspname)
     FROM pg_namespace, unnest(ARRAY['ROUTINES', 'SEQUENCES']) AS kind WHERE ${USER_SCHEMA}
     UNION ALL
     SELECT 'ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC'`,
  )

const changeRowSecurity: Wrecking = (client) =>
  tryEach(
    client,
    `SELECT format('DROP POLICY %I ON %s', polname, polrelid::regclass) AS statement FROM pg_policy
     UNION ALL
     SELECT format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation) FROM ${TABLES}
     UNION ALL
     SELECT format('CREATE POLICY wrecked ON %s USING (false)', relation) FROM ${TABLES}`,
  )

const dropConstraintsAndIndexes: Wrecking = (client) =>
  tryEach(
    client,
    `SELECT format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', relation, conname) AS statement
     FROM pg_constraint JOIN ${TABLES} ON tables.oid = conrelid
     UNION ALL
     SELECT format('DROP INDEX IF EXISTS %I.%I CASCADE', nspname, relname)
     FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('i', 'I') AND ${USER_SCHEMA}`,
  )

const disableTriggersAndRules: Wrecking = (client) =>
  tryEach(
    client,
    `SELECT format('ALTER TABLE %s DISABLE TRIGGER USER', relation) AS statement FROM ${TABLES}
     UNION ALL
     SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass) FROM pg_trigger WHERE NOT tgisinternal AND oid::int % 2 = 0
     UNION ALL
     SELECT format('DROP RULE %I ON %s', rulename, ev_class::regclass) FROM pg_rewrite WHERE rulename <> '_RETURN'
     UNION ALL
     SELECT format('ALTER EVENT TRIGGER %I DISABLE', evtname) FROM pg_event_trigger`,
  )

const changeTableOptions: Wrecking = (client) =>
  tryEach(
    client,
    `SELECT format('ALTER TABLE %s SET (fillfactor = 33)', relation) AS statement FROM ${TABLES}
     UNION ALL
     SELECT format('ALTER TABLE %s SET %s', relation, CASE relpersistence WHEN 'p' THEN 'UNLOGGED' ELSE 'LOGGED' END)
     FROM ${TABLES} JOIN pg_class USING (oid)
     UNION ALL
     SELECT format('ALTER TABLE %s ALTER %s SET STORAGE EXTERNAL', relation, name) FROM ${COLUMNS}
     UNION ALL
     SELECT format('COMMENT ON TABLE %s IS %L', relation, 'wrecked') FROM ${TABLES}`,
  )

const detachPartitions: Wrecking = (client) =>
  tryEach(
    client,
    `SELECT CASE WHEN relispartition
       THEN format('ALTER TABLE %s DETACH PARTITION %s', inhparent::regclass, inhrelid::regclass)
       ELSE format('ALTER TABLE %s NO INHERIT %s', inhrelid::regclass, inhparent::regclass) END AS statement
     FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE relkind IN ('r', 'p', 'f')`,
  )

const ADDITIONS = [
  'CREATE SCHEMA wrecked',
  `CREATE TYPE wrecked.kind AS ENUM ('a', 'b')`,
  'CREATE TYPE wrecked.pair AS (a int, b text)',
  'CREATE DOMAIN wrecked.small AS int CHECK (VALUE < 10)',
  'CREATE TYPE wrecked.span AS RANGE (SUBTYPE = int)',
  `CREATE COLLATION wrecked.exact FROM "C"`,
  'CREATE SEQUENCE wrecked.counter',
  'CREATE TABLE wrecked.things (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind wrecked.kind, size wrecked.small)',
  `INSERT INTO wrecked.things (kind) SELECT 'a' FROM generate_series(1, 100)`,
  'CREATE TABLE wrecked.parts (id int) PARTITION BY HASH (id)',
  'CREATE TABLE wrecked.part PARTITION OF wrecked.parts FOR VALUES WITH (MODULUS 1, REMAINDER 0)',
  'CREATE TABLE wrecked.child () INHERITS (wrecked.things)',
  'CREATE INDEX ON wrecked.things (kind)',
  'CREATE STATISTICS wrecked.statistics ON id, kind FROM wrecked.things',
  'CREATE VIEW wrecked.view AS SELECT * FROM wrecked.things',
  'CREATE MATERIALIZED VIEW wrecked.stored AS SELECT * FROM wrecked.things',
  'CREATE RULE wrecked AS ON DELETE TO wrecked.things DO INSTEAD NOTHING',
  `CREATE FUNCTION wrecked.one() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
  'CREATE FUNCTION wrecked.on_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$',
  'CREATE FUNCTION wrecked.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$',
  `CREATE PROCEDURE wrecked.nothing() LANGUAGE sql AS ''`,
  'CREATE AGGREGATE wrecked.total(int) (SFUNC = int4pl, STYPE = int)',
  'CREATE OPERATOR wrecked.<+> (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl)',
  'CREATE OPERATOR FAMILY wrecked.family USING btree',
  'CREATE CAST (wrecked.pair AS text) WITH INOUT',
  'CREATE TRIGGER swallow BEFORE INSERT ON wrecked.things FOR EACH ROW EXECUTE FUNCTION wrecked.on_row()',
  'CREATE EVENT TRIGGER wrecked ON ddl_command_end EXECUTE FUNCTION wrecked.on_ddl()',
  'CREATE POLICY wrecked ON wrecked.things USING (true)',
  'CREATE TEXT SEARCH DICTIONARY wrecked.words (TEMPLATE = simple)',
  'CREATE TEXT SEARCH CONFIGURATION wrecked.search (COPY = simple)',
  'CREATE FOREIGN DATA WRAPPER wrecked',
  'CREATE SERVER wrecked FOREIGN DATA WRAPPER wrecked',
  'CREATE USER MAPPING FOR PUBLIC SERVER wrecked',
  'CREATE FOREIGN TABLE wrecked.far (id int) SERVER wrecked',
  'CREATE PUBLICATION wrecked FOR TABLE wrecked.things',
  'CREATE ACCESS METHOD wrecked TYPE TABLE HANDLER heap_tableam_handler',
  `CREATE CONVERSION wrecked.conversion FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8`,
  'CREATE EXTENSION IF NOT EXISTS tablefunc SCHEMA wrecked',
  `SELECT lo_from_bytea(0, 'wrecked')`,
  'ALTER DEFAULT PRIVILEGES IN SCHEMA wrecked GRANT ALL ON TABLES TO PUBLIC',
]

const addObjects: Wrecking = async (client) => {
  for (const addition of ADDITIONS) await client.query(addition)
}

const dropEverything: Wrecking = async (client) => {
  // First what belongs to no schema, since dropping its function drops an event trigger with it.
  await tryEach(
    client,
    `SELECT format('DROP EVENT TRIGGER %I', evtname) AS statement FROM pg_event_trigger
     UNION ALL SELECT format('DROP PUBLICATION %I', pubname) FROM pg_publication
     UNION ALL SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace WHERE ${USER_SCHEMA}
     UNION ALL SELECT format('DROP FOREIGN DATA WRAPPER IF EXISTS %I CASCADE', fdwname) FROM pg_foreign_data_wrapper
     UNION ALL SELECT format('DROP ACCESS METHOD IF EXISTS %I CASCADE', amname) FROM pg_am WHERE oid >= 16384
     UNION ALL SELECT format('DROP CAST IF EXISTS (%s AS %s)', castsource::regtype, casttarget::regtype) FROM pg_cast WHERE oid >= 16384
     UNION ALL SELECT format('DROP TRANSFORM IF EXISTS FOR %s LANGUAGE %I', trftype::regtype, lanname) FROM pg_transform JOIN pg_language l ON l.oid = trflang
     UNION ALL SELECT format('DROP LANGUAGE IF EXISTS %I CASCADE', lanname) FROM pg_language WHERE oid >= 16384
     UNION ALL SELECT format('SELECT lo_unlink(%s)', oid) FROM pg_largeobject_metadata`,
  )
}

const all = {
  deleteRows,
  truncateTables,
  updateRows,
  insertRows,
  dropColumns,
  addColumns,
  dropTables,
  dropSchemas,
  renameObjects,
  alterTypes,
  dropRoutines,
  dropViews,
  refreshOrEmptyViews,
  dropTypes,
  dropExtensions,
  breakSequences,
  unlinkLargeObjects,
  changeRights,
  changeRowSecurity,
  dropConstraintsAndIndexes,
  disableTriggersAndRules,
  changeTableOptions,
  detachPartitions,
  addObjects,
  dropEverything,
} satisfies Record<string, Wrecking>

export type WreckingName = keyof typeof all

/** Every way to damage a database, by name. They use a role `snap_wrecker`, which is made when missing. */
export const wreckings = Object.fromEntries(
  Object.entries(all).map(([name, wreck]) => [name, withRole(wreck)]),
) as Readonly<Record<WreckingName, Wrecking>>

function withRole(wreck: Wrecking): Wrecking {
  return async (client) => {
    await tryOne(client, 'CREATE ROLE snap_wrecker')
    await wreck(client)
  }
}

/** Damages the database in ever more ways, and leaves what can be left of it: a state nobody could have thought of. */
export const wreckEverything: Wrecking = async (client) => {
  const gentlestFirst: WreckingName[] = [
    'updateRows',
    'insertRows',
    'deleteRows',
    'breakSequences',
    'unlinkLargeObjects',
    'refreshOrEmptyViews',
    'changeRights',
    'changeRowSecurity',
    'changeTableOptions',
    'disableTriggersAndRules',
    'alterTypes',
    'addColumns',
    'dropConstraintsAndIndexes',
    'detachPartitions',
    'dropViews',
    'dropColumns',
    'dropTables',
    'dropRoutines',
    'dropExtensions',
    'renameObjects',
    'addObjects',
  ]
  for (const name of gentlestFirst) await wreckings[name](client)
}

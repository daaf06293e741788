/** Random changes to what is not a table: views, routines, types, schemas, rights. */
import type { DatabaseFacts, TableFacts } from './facts.ts'
import type { Picks } from './picks.ts'
import type { Move } from './row-moves.ts'
import { newRelation } from './table-moves.ts'

const ROLES = ['snap_reader', 'snap_other', 'PUBLIC']

/** A query over one relation or two, with columns named for the view. */
function queryOver(
  { tables, views, materializedViews }: DatabaseFacts,
  pick: Picks,
): string | undefined {
  const sources = [...tables, ...views, ...materializedViews].filter(
    ({ columns }) => columns.length > 0,
  )
  const source = pick.from(sources)
  if (source === undefined) return undefined
  const column = pick.of(source.columns).name
  const other = pick.of(sources)
  return pick.of([
    `SELECT * FROM ${source.name}`,
    `SELECT ${column} AS v FROM ${source.name} WHERE ${column} IS NOT NULL`,
    `SELECT ${column}::text AS v, count(*) AS n FROM ${source.name} GROUP BY 1`,
    `SELECT x.${column}::text AS v, y.${pick.of(other.columns).name}::text AS w FROM ${source.name} x CROSS JOIN ${other.name} y`,
    `SELECT x AS whole FROM ${source.name} x`,
    `SELECT 1 AS v, ${column}::text AS w FROM ONLY ${source.name}`,
  ])
}

function routine(name: string, pick: Picks, facts: DatabaseFacts): string {
  const table: TableFacts | undefined = pick.from(facts.tables)
  const returned = `${pick.below(100)}`
  return pick.of([
    `FUNCTION ${name}() RETURNS integer LANGUAGE sql AS 'SELECT ${returned}'`,
    `FUNCTION ${name}() RETURNS text LANGUAGE sql STABLE AS 'SELECT ''${returned}''::text'`,
    `FUNCTION ${name}(a integer DEFAULT ${returned}) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN a + ${returned}; END'`,
    `FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END -- ${returned}'`,
    `PROCEDURE ${name}(a integer) LANGUAGE sql AS 'SELECT ${returned}'`,
    ...(table === undefined
      ? []
      : [
          `FUNCTION ${name}() RETURNS SETOF ${table.name} LANGUAGE sql AS 'SELECT * FROM ${table.name.replaceAll("'", "''")}'`,
          `FUNCTION ${name}() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM ${table.name}; END`,
          `FUNCTION ${name}(${table.name}) RETURNS integer LANGUAGE sql AS 'SELECT ${returned}'`,
        ]),
  ])
}

export const codeMoves = {
  createSchema: (_, pick) => `CREATE SCHEMA ${pick.of(['s1', 's2', '"Odd schema"'])}`,
  changeSchema: ({ schemas }, pick) => {
    const schema = pick.of(schemas.filter((name) => name !== 'public'))
    if (schema === undefined) return undefined
    return pick.of([
      `ALTER SCHEMA ${schema} RENAME TO ${pick.of(['s1', 's2', 's3'])}`,
      `DROP SCHEMA ${schema}`,
      `DROP SCHEMA ${schema} CASCADE`,
      `GRANT USAGE ON SCHEMA ${schema} TO ${pick.of(ROLES)}`,
      `ALTER SCHEMA ${schema} OWNER TO ${pick.of(['snap_other', 'postgres'])}`,
    ])
  },

  createView: (facts, pick) => {
    const query = queryOver(facts, pick)
    const options = pick.oneIn(4) ? ' WITH (security_barrier)' : ''
    return query && `CREATE OR REPLACE VIEW ${newRelation(facts, pick, 'v')}${options} AS ${query}`
  },
  createMaterializedView: (facts, pick) => {
    const query = queryOver(facts, pick)
    return (
      query &&
      `CREATE MATERIALIZED VIEW ${newRelation(facts, pick, 'm')} AS ${query} WITH ${pick.of(['', '', 'NO '])}DATA`
    )
  },
  dropView: ({ views, materializedViews }, pick) => {
    const view = pick.from([...views, ...materializedViews])
    const kind = view?.kind === 'm' ? 'MATERIALIZED VIEW' : 'VIEW'
    return view && `DROP ${kind} ${view.name} ${pick.of(['', 'CASCADE'])}`
  },
  changeView: ({ views, materializedViews, schemas }, pick) => {
    const view = pick.from([...views, ...materializedViews])
    const kind = view?.kind === 'm' ? 'MATERIALIZED VIEW' : 'VIEW'
    return (
      view &&
      `ALTER ${kind} ${view.name} ${pick.of([
        `RENAME TO v${pick.below(8)}`,
        `SET SCHEMA ${pick.of(schemas)}`,
        'OWNER TO snap_other',
        kind === 'VIEW' ? 'SET (check_option = local)' : 'SET (fillfactor = 60)',
        `RENAME COLUMN ${pick.from(view.columns)?.name ?? 'v'} TO renamed`,
      ])}`
    )
  },

  createRoutine: (facts, pick) => `CREATE ${routine(newRelation(facts, pick, 'f'), pick, facts)}`,
  replaceRoutine: (facts, pick) => {
    const existing = pick.from(facts.routines)
    const name = existing?.name.replace(/\(.*/s, '')
    return name && `CREATE OR REPLACE ${routine(name, pick, facts)}`
  },
  changeRoutine: ({ routines, schemas }, pick) => {
    const existing = pick.from(routines)
    return (
      existing &&
      `ALTER ROUTINE ${existing.name} ${pick.of([`RENAME TO f${pick.below(8)}`, `SET SCHEMA ${pick.of(schemas)}`, 'OWNER TO snap_other', 'SECURITY DEFINER', `SET work_mem = '8MB'`])}`
    )
  },
  dropRoutine: ({ routines }, pick) => {
    const existing = pick.from(routines)
    return existing && `DROP ROUTINE ${existing.name} ${pick.of(['', 'CASCADE'])}`
  },
  createTrigger: ({ tables, routines }, pick) => {
    const table = pick.from(tables)
    const body = pick.from(routines.filter(({ returns }) => returns === 'trigger'))
    if (table === undefined || body === undefined) return undefined
    const when = pick.of([
      'BEFORE INSERT',
      'AFTER UPDATE',
      'AFTER INSERT OR DELETE',
      'BEFORE UPDATE',
    ])
    return `CREATE TRIGGER trigger_${pick.below(4)} ${when} ON ${table.name} FOR EACH ROW EXECUTE FUNCTION ${body.name}`
  },
  changeTrigger: ({ triggers }, pick) => {
    const trigger = pick.from(triggers)
    if (trigger === undefined) return undefined
    const { name, table } = trigger
    return pick.of([
      `DROP TRIGGER ${name} ON ${table}`,
      `ALTER TABLE ${table} DISABLE TRIGGER ${name}`,
      `ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${name}`,
      `ALTER TRIGGER ${name} ON ${table} RENAME TO trigger_${pick.below(6)}`,
    ])
  },
  createRule: ({ tables }, pick) => {
    const table = pick.from(tables)
    return (
      table &&
      `CREATE RULE rule_${pick.below(3)} AS ON ${pick.of(['DELETE', 'UPDATE'])} TO ${table.name} WHERE false DO ${pick.of(['INSTEAD NOTHING', 'ALSO SELECT 1'])}`
    )
  },
  dropRule: ({ rules }, pick) => {
    const rule = pick.from(rules)
    return rule && `DROP RULE ${rule.name} ON ${rule.table}`
  },

  createType: (facts, pick) => {
    const name = newRelation(facts, pick, 'y')
    return pick.of([
      `CREATE TYPE ${name} AS ENUM ('one', 'two', 'it''s')`,
      `CREATE DOMAIN ${name} AS integer DEFAULT 3 CHECK (VALUE < 1000000)`,
      `CREATE DOMAIN ${name} AS text NOT NULL`,
      `CREATE TYPE ${name} AS (a integer, b text)`,
    ])
  },
  changeType: ({ types, schemas }, pick) => {
    const type = pick.from(types)
    if (type === undefined) return undefined
    const { name, kind } = type
    const changes = {
      e: [
        `ALTER TYPE ${name} ADD VALUE 'v${pick.below(9)}' ${pick.of(['', `BEFORE 'one'`])}`,
        `ALTER TYPE ${name} RENAME VALUE 'two' TO 'zwei'`,
      ],
      d: [
        `ALTER DOMAIN ${name} ADD CONSTRAINT c${pick.below(4)} CHECK (VALUE IS DISTINCT FROM NULL)`,
        `ALTER DOMAIN ${name} ADD CONSTRAINT c${pick.below(4)} CHECK (VALUE::text <> 'never') NOT VALID`,
        `ALTER DOMAIN ${name} SET DEFAULT '7'`,
        `ALTER DOMAIN ${name} DROP DEFAULT`,
        `ALTER DOMAIN ${name} DROP NOT NULL`,
      ],
      c: [
        `ALTER TYPE ${name} ADD ATTRIBUTE c${pick.below(4)} integer CASCADE`,
        `ALTER TYPE ${name} DROP ATTRIBUTE b CASCADE`,
        `ALTER TYPE ${name} RENAME ATTRIBUTE a TO z CASCADE`,
      ],
    }[kind]
    return pick.of([
      ...changes,
      ...changes,
      `ALTER TYPE ${name} RENAME TO y${pick.below(8)}`,
      `ALTER TYPE ${name} SET SCHEMA ${pick.of(schemas)}`,
      `DROP TYPE ${name} ${pick.of(['', 'CASCADE'])}`,
      `GRANT USAGE ON TYPE ${name} TO snap_reader`,
    ])
  },
  createSequence: (facts, pick) =>
    `CREATE SEQUENCE ${newRelation(facts, pick, 'q')} ${pick.of(['', 'AS integer', 'INCREMENT BY -1', 'START 5 CACHE 4', 'CYCLE MAXVALUE 9'])}`,
  changeSequence: ({ sequences, tables }, pick) => {
    const sequence = pick.from(sequences)
    const table = pick.from(tables)
    const column = table && pick.from(table.columns)
    return (
      sequence &&
      pick.of([
        `ALTER SEQUENCE ${sequence} INCREMENT BY ${1 + pick.below(5)}`,
        `ALTER SEQUENCE ${sequence} MAXVALUE 100000 CACHE 2`,
        `ALTER SEQUENCE ${sequence} RESTART WITH ${1 + pick.below(9)}`,
        `ALTER SEQUENCE ${sequence} OWNED BY ${column === undefined ? 'NONE' : `${table!.name}.${column.name}`}`,
        `ALTER SEQUENCE ${sequence} RENAME TO q${pick.below(8)}`,
        `DROP SEQUENCE ${sequence} CASCADE`,
      ])
    )
  },

  comment: (facts, pick) => {
    const text = pick.of([`'a comment'`, `'it''s; -- odd'`, 'NULL'])
    const table = pick.from(facts.tables)
    const targets = [
      ...(table === undefined ? [] : [`TABLE ${table.name}`]),
      ...(table?.columns ?? []).map(({ name }) => `COLUMN ${table!.name}.${name}`),
      ...facts.views.map(({ name }) => `VIEW ${name}`),
      ...facts.indexes.map(({ name }) => `INDEX ${name}`),
      ...facts.constraints.map(({ name, table: of }) => `CONSTRAINT ${name} ON ${of}`),
      ...facts.triggers.map(({ name, table: of }) => `TRIGGER ${name} ON ${of}`),
      ...facts.routines.map(({ name }) => `ROUTINE ${name}`),
      ...facts.types.map(({ name }) => `TYPE ${name}`),
      ...facts.schemas.map((name) => `SCHEMA ${name}`),
      ...facts.sequences.map((name) => `SEQUENCE ${name}`),
    ]
    const target = pick.from(targets)
    return target && `COMMENT ON ${target} IS ${text}`
  },
  grant: (facts, pick) => {
    const role = pick.of(ROLES)
    const table = pick.from([...facts.tables, ...facts.views, ...facts.materializedViews])
    const column = table && pick.from(table.columns)
    const verbs: [string, string] = pick.oneIn(3) ? ['REVOKE', 'FROM'] : ['GRANT', 'TO']
    const targets = [
      ...(table === undefined
        ? []
        : [`SELECT ON ${table.name}`, `ALL ON ${table.name}`, `INSERT, DELETE ON ${table.name}`]),
      ...(column === undefined ? [] : [`SELECT (${column.name}) ON ${table!.name}`]),
      ...facts.sequences.slice(0, 2).map((name) => `USAGE ON SEQUENCE ${name}`),
      ...facts.routines.slice(0, 2).map(({ name }) => `EXECUTE ON ROUTINE ${name}`),
    ]
    const target = pick.from(targets)
    return target && `${verbs[0]} ${target} ${verbs[1]} ${role}`
  },
  defaultPrivileges: ({ schemas }, pick) =>
    `ALTER DEFAULT PRIVILEGES ${pick.oneIn(2) ? `IN SCHEMA ${pick.of(schemas)} ` : ''}${pick.of([
      'GRANT SELECT ON TABLES TO snap_reader',
      'REVOKE SELECT ON TABLES FROM snap_reader',
      'REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC',
      'GRANT USAGE ON SEQUENCES TO snap_other',
    ])}`,
  changeOwner: ({ tables, views }, pick) => {
    const table = pick.from([...tables, ...views])
    return table && `ALTER TABLE ${table.name} OWNER TO ${pick.of(['snap_other', 'postgres'])}`
  },
  rowSecurity: ({ tables }, pick) => {
    const table = pick.from(tables)
    return (
      table &&
      `ALTER TABLE ${table.name} ${pick.of(['ENABLE', 'DISABLE', 'FORCE', 'NO FORCE'])} ROW LEVEL SECURITY`
    )
  },
  createPolicy: ({ tables }, pick) => {
    const table = pick.from(tables)
    const column = table && pick.from(table.columns)
    return (
      column &&
      `CREATE POLICY policy_${pick.below(4)} ON ${table!.name} ${pick.of(['', 'AS RESTRICTIVE FOR SELECT TO snap_reader'])} USING (${column.name} IS NOT NULL)`
    )
  },
  dropPolicy: ({ policies }, pick) => {
    const policy = pick.from(policies)
    return policy && `DROP POLICY ${policy.name} ON ${policy.table}`
  },
  publication: ({ publications, tables }, pick) => {
    const publication = pick.from(publications)
    const table = pick.from(tables)?.name
    if (publication === undefined || table === undefined) {
      return `CREATE PUBLICATION pub_${pick.below(2)}${table === undefined ? '' : ` FOR TABLE ${table}`}`
    }
    return pick.of([
      `ALTER PUBLICATION ${publication} ADD TABLE ${table}`,
      `ALTER PUBLICATION ${publication} DROP TABLE ${table}`,
      `DROP PUBLICATION ${publication}`,
      `CREATE PUBLICATION pub_all FOR ALL TABLES`,
    ])
  },
  eventTrigger: ({ eventTriggers }, pick) => {
    const existing = pick.from(eventTriggers)
    if (existing !== undefined) {
      return pick.of([`DROP EVENT TRIGGER ${existing}`, `ALTER EVENT TRIGGER ${existing} DISABLE`])
    }
    return `CREATE FUNCTION public.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
      CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION public.on_ddl()`
  },
  extension: (_, pick) =>
    pick.of([
      'CREATE EXTENSION hstore',
      'DROP EXTENSION hstore CASCADE',
      'CREATE EXTENSION citext',
    ]),
} satisfies Record<string, Move>

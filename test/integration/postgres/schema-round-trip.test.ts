/**
 * The law that a commit's schema rests on: created again from its entries, a
 * schema has the same entries, in the same order.
 */
import { expect, test } from 'vitest'
import type { SchemaEntry } from '../../../src/format/values.ts'
import { dumpSchema } from '../../../src/postgres/pg-dump/dump-schema.ts'
import { pinSettings } from '../../../src/postgres/pinned-settings.ts'
import { quoteIdentifier } from '../../../src/postgres/quote.ts'
import type { Session } from '../../../src/postgres/session.ts'
import { compareSchemas, describeDifference } from '../../../src/schema/compare-schemas.ts'
import { adaptForServer } from '../../../src/schema/schema-dialect.ts'
import { toSchemaEntries } from '../../../src/schema/schema-entries.ts'
import { parseToc } from '../../../src/schema/toc.ts'
import { allMajors, createDatabase, eachMajor, type TestDatabase } from '../../support/postgres.ts'
import { richSchema } from './rich-schema.ts'
import { withSession } from './sessions.ts'

async function entriesOf(database: TestDatabase): Promise<SchemaEntry[]> {
  return withSession(database.url, async (session) => {
    await session.execute('BEGIN ISOLATION LEVEL REPEATABLE READ')
    const { archive, warnings } = await dumpSchema(session)
    expect(warnings).toEqual([])
    return toSchemaEntries(parseToc(archive)).entries
  })
}

async function databaseWith(majorVersion: number, sql: string): Promise<TestDatabase> {
  const database = await createDatabase(majorVersion)
  await database.query(sql)
  return database
}

/** pg_dump writes the grants on `public` relative to what PostgreSQL 15 and newer give it. */
const INITIAL_PUBLIC_SCHEMA =
  'REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO PUBLIC'

/** Creates the entries in an empty database, in one transaction, as a restore does. */
async function createFrom(entries: readonly SchemaEntry[], database: TestDatabase): Promise<void> {
  await withSession(database.url, async (session) => {
    await pinSettings(session)
    await session.execute(`BEGIN; ${INITIAL_PUBLIC_SCHEMA}`)
    for (const entry of entries) await createEntry(session, entry)
    await session.execute('COMMIT')
  })
}

async function createEntry(session: Session, entry: SchemaEntry): Promise<void> {
  const { definition } = adaptForServer(entry, session.serverVersionNumber)
  if (definition !== null) {
    const accessMethod = quoteIdentifier(entry.tableAccessMethod ?? 'heap')
    await session.execute(`SET LOCAL default_table_access_method = ${accessMethod}; ${definition}`)
  }
  if (OWNED_KINDS.has(entry.kind) && entry.owner !== null && entry.dropStatement !== null) {
    const object = entry.dropStatement.replace(/^DROP /, '').replace(/( CASCADE)?;$/, '')
    await session.execute(`ALTER ${object} OWNER TO ${quoteIdentifier(entry.owner)}`)
  }
}

const OWNED_KINDS = new Set(['SCHEMA', 'TABLE', 'SEQUENCE', 'TYPE', 'FUNCTION'])

eachMajor((majorVersion) => {
  test('a rich schema created again from its entries has the same entries', async () => {
    const original = await databaseWith(majorVersion, richSchema(majorVersion))
    const entries = await entriesOf(original)
    const again = await createDatabase(majorVersion)
    await createFrom(entries, again)
    const found = await entriesOf(again)
    expect(compareSchemas(entries, found).map(describeDifference)).toEqual([])
    expect(found).toEqual(entries)
  })

  test('two histories of one schema show no difference', async () => {
    const statement = 'CREATE TABLE t (id integer NOT NULL, a text)'
    const roles = `DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'history_a') THEN
        CREATE ROLE history_a; CREATE ROLE history_b;
      END IF; END $$`
    const straight = await databaseWith(
      majorVersion,
      `${roles}; ${statement}; CREATE VIEW v AS SELECT a FROM t; CREATE INDEX i ON t (a) WITH (fillfactor = 50, deduplicate_items = off);
       ALTER TABLE t SET (fillfactor = 10, autovacuum_enabled = off, toast_tuple_target = 200);
       GRANT SELECT ON t TO history_a; GRANT INSERT ON t TO history_b`,
    )
    const roundabout = await databaseWith(
      majorVersion,
      `CREATE SCHEMA gone; CREATE TABLE gone.x (a serial); DROP SCHEMA gone CASCADE;
       CREATE TABLE other (id integer NOT NULL, gone bigint, b text);
       ALTER TABLE other RENAME TO t; ALTER TABLE t DROP COLUMN gone; ALTER TABLE t RENAME b TO a;
       ${majorVersion >= 18 ? 'ALTER TABLE t RENAME CONSTRAINT other_id_not_null TO t_id_not_null;' : ''}
       CREATE VIEW v AS SELECT a FROM t; CREATE INDEX i ON t (a) WITH (deduplicate_items = off); ALTER INDEX i SET (fillfactor = 50);
       ALTER TABLE t SET (autovacuum_enabled = off); ALTER TABLE t SET (toast_tuple_target = 200, fillfactor = 10);
       GRANT INSERT ON t TO history_b; GRANT SELECT ON t TO history_a`,
    )
    expect(compareSchemas(await entriesOf(straight), await entriesOf(roundabout))).toEqual([])
  })

  test('copies made by LIKE keep identity limits and names of NOT NULL constraints', async () => {
    const original = await databaseWith(
      majorVersion,
      `CREATE TABLE users (id integer GENERATED ALWAYS AS IDENTITY, name text NOT NULL);
       CREATE TABLE a_copy (LIKE users INCLUDING ALL)`,
    )
    const entries = await entriesOf(original)
    const again = await createDatabase(majorVersion)
    await createFrom(entries, again)
    expect(await entriesOf(again)).toEqual(entries)
  })
})

const newestMajor = Math.max(...allMajors)

test.each(allMajors)(
  `a rich schema of PostgreSQL %i can be created on PostgreSQL ${newestMajor}`,
  async (majorVersion) => {
    const original = await databaseWith(majorVersion, richSchema(majorVersion))
    const entries = await entriesOf(original)
    const newer = await createDatabase(newestMajor)
    await createFrom(entries, newer)
    // pg_dump mentions `public` only where it is not as PostgreSQL 15 and newer make it.
    const isTold = ({ kind, name }: SchemaEntry) => !(kind === 'SCHEMA' && name === 'public')
    const missingOrExtra = compareSchemas(
      entries.filter(isTold),
      (await entriesOf(newer)).filter(isTold),
    ).filter(({ kind }) => kind !== 'different')
    expect(missingOrExtra.map(describeDifference)).toEqual([])
  },
)

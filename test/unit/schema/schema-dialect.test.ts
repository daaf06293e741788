import { expect, test } from 'vitest'
import type { SchemaEntry } from '../../../src/format/values.ts'
import { adaptForServer } from '../../../src/schema/schema-dialect.ts'

function entry(fields: Partial<SchemaEntry>): SchemaEntry {
  return {
    kind: 'TABLE',
    namespace: 'app',
    name: 'child',
    owner: 'ann',
    section: 'preData',
    definition: null,
    dropStatement: 'DROP TABLE app.child;',
    tableAccessMethod: 'heap',
    tablespace: null,
    ...fields,
  }
}

const child = entry({
  definition: `CREATE TABLE app.child (
    NOT NULL b,
    CONSTRAINT named NOT NULL "c, d" NO INHERIT,
    d integer DEFAULT 1,
    CONSTRAINT "check" CHECK ((d > 0))
)
INHERITS (app.parent);`,
})

test('before PostgreSQL 18 an inherited column is made NOT NULL afterwards', () => {
  expect(adaptForServer(child, 170000).definition).toBe(`CREATE TABLE app.child (
    d integer DEFAULT 1,
    CONSTRAINT "check" CHECK ((d > 0))
)
INHERITS (app.parent);
ALTER TABLE ONLY app.child ALTER COLUMN b SET NOT NULL;
ALTER TABLE ONLY app.child ALTER COLUMN "c, d" SET NOT NULL;`)
  expect(adaptForServer(child, 180000)).toBe(child)
})

test('a table with nothing but inherited columns keeps its empty parentheses', () => {
  const empty = entry({ definition: 'CREATE TABLE app.child (\n    NOT NULL b\n)\nINHERITS (p);' })
  expect(adaptForServer(empty, 140000).definition).toBe(
    'CREATE TABLE app.child ()\nINHERITS (p);\nALTER TABLE ONLY app.child ALTER COLUMN b SET NOT NULL;',
  )
})

test('from PostgreSQL 18 on a NOT NULL gets the name that pg_dump leaves to the server', () => {
  const table = entry({
    definition: `CREATE TABLE app.child (
    id integer NOT NULL,
    "Odd ""Name""" text DEFAULT 'a, b NOT NULL'::text NOT NULL,
    own text CONSTRAINT own_name NOT NULL,
    quoted text CONSTRAINT "own ""name""" NOT NULL NO INHERIT,
    free text DEFAULT ' NOT NULL'::text
);`,
  })
  expect(adaptForServer(table, 180000).definition).toBe(`CREATE TABLE app.child (
    id integer CONSTRAINT "child_id_not_null" NOT NULL,
    "Odd ""Name""" text DEFAULT 'a, b NOT NULL'::text CONSTRAINT "child_Odd ""Name""_not_null" NOT NULL,
    own text CONSTRAINT own_name NOT NULL,
    quoted text CONSTRAINT "own ""name""" NOT NULL NO INHERIT,
    free text DEFAULT ' NOT NULL'::text
);`)
  expect(adaptForServer(table, 170000)).toBe(table)
})

test('before PostgreSQL 16 a subscription does not say as whom it runs', () => {
  const subscription = entry({
    kind: 'SUBSCRIPTION',
    definition: `CREATE SUBSCRIPTION s CONNECTION 'WITH (run_as_owner = true)' PUBLICATION a WITH (connect = false, run_as_owner = true, binary = true);`,
  })
  expect(adaptForServer(subscription, 150000).definition).toBe(
    `CREATE SUBSCRIPTION s CONNECTION 'WITH (run_as_owner = true)' PUBLICATION a WITH (connect = false, binary = true);`,
  )
  expect(adaptForServer(subscription, 160000)).toBe(subscription)
})

import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import {
  environment,
  type Outcome,
  type RunOptions,
  runSnap,
  temporaryDirectory,
} from './run-snap.ts'

/** A directory and the database that its DATABASE_URL names, as somebody would work in it. */
export interface Workplace {
  directory: string
  database: TestDatabase
  /** Runs a command line in the directory. */
  snap(argv: readonly string[], options?: RunOptions): Promise<Outcome>
  /** As `snap`, for a command that must end with 0; returns its stdout. */
  succeed(argv: readonly string[], options?: RunOptions): Promise<string>
  /** As `succeed` with --json; returns the document. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects of the document
  json(argv: readonly string[], options?: RunOptions): Promise<any>
}

/** Makes a small database with some of everything that the commands show, and an empty directory. */
export async function newWorkplace(majorVersion: number, sql = SMALL_SHOP): Promise<Workplace> {
  const directory = await temporaryDirectory()
  const database = await createDatabase(majorVersion)
  await database.query(sql)
  const snap: Workplace['snap'] = (argv, options) =>
    runSnap(argv, {
      workingDirectory: directory,
      environment: environment({ DATABASE_URL: database.url }),
      ...options,
    })
  const succeed: Workplace['succeed'] = async (argv, options) => {
    const { exitCode, stdout, stderr } = await snap(argv, options)
    if (exitCode !== 0) throw new Error(`snap ${argv.join(' ')} ended with ${exitCode}:\n${stderr}`)
    return stdout
  }
  return {
    directory,
    database,
    snap,
    succeed,
    json: async (argv, options) => JSON.parse(await succeed(['--json', ...argv], options)),
  }
}

export const SMALL_SHOP = `
  CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, email text);
  INSERT INTO customers SELECT n, 'customer ' || n, n || '@example.org' FROM generate_series(1, 100) AS n;
  CREATE TABLE orders (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id int NOT NULL REFERENCES customers,
    total numeric(10, 2) NOT NULL
  );
  INSERT INTO orders (customer_id, total) SELECT 1 + n % 100, n * 1.5 FROM generate_series(1, 500) AS n;
  CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
  INSERT INTO alembic_version VALUES ('ae1027a6acf');
  CREATE VIEW spending AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY customer_id;
`

/** A migration gone wrong: a column dropped, rows deleted, a table dropped, one added, a view changed. */
export const WRECKAGE = `
  DELETE FROM orders WHERE id > 200;
  ALTER TABLE customers DROP COLUMN email;
  DROP TABLE alembic_version;
  CREATE TABLE leftovers AS SELECT 1 AS n;
  CREATE OR REPLACE VIEW spending AS SELECT customer_id, 2 * sum(total) AS total FROM orders GROUP BY customer_id;
`

/** What the small shop holds, in one value. */
export async function readShop(database: TestDatabase): Promise<Record<string, unknown>> {
  const [row] = await database.query(`
    SELECT (SELECT count(email) FROM customers) AS emails,
           (SELECT sum(total) FROM orders) AS total,
           (SELECT sum(total) FROM spending) AS spending,
           (SELECT version_num FROM alembic_version) AS version,
           to_regclass('leftovers') AS leftovers`)
  return row!
}

export const INTACT_SHOP = {
  emails: '100',
  total: '187875.00',
  spending: '187875.00',
  version: 'ae1027a6acf',
  leftovers: null,
}

import { deepEqual, equal, match } from 'node:assert/strict'
import { test } from 'vitest'
import type { Diagnosis } from '../../src/doctor/diagnosis.ts'
import { judgeServer } from '../../src/doctor/judge-server.ts'
import { readServerFacts } from '../../src/doctor/read-server-facts.ts'
import { createFixtureDatabase } from '../support/fixtures.ts'
import {
  createDatabase,
  databaseUrl,
  eachMajor,
  serverOf,
  type TestDatabase,
} from '../support/postgres.ts'
import { addressOf } from '../support/session.ts'

async function diagnose(database: TestDatabase, role?: string): Promise<Map<string, Diagnosis>> {
  const url =
    role === undefined
      ? database.url
      : databaseUrl(serverOf(database.majorVersion), database.name, role)
  const diagnoses = judgeServer(await readServerFacts(await addressOf(url)))
  return new Map(diagnoses.map((diagnosis) => [diagnosis.code, diagnosis]))
}

/** Codes of what is not simply all right; WAL summaries depend on the major alone. */
const troubles = (diagnoses: Map<string, Diagnosis>) =>
  [...diagnoses.values()]
    .filter(({ level, code }) => level !== 'ok' && code !== 'walSummariesOff')
    .map(({ code, level }) => `${code}: ${level}`)

eachMajor((major) => {
  test('a superuser finds nothing wrong with a small database', async () => {
    const database = await createDatabase(major)
    await database.query('CREATE TABLE users (id int PRIMARY KEY)')
    const found = await diagnose(database)
    deepEqual(troubles(found), [])
    equal(
      found.get('walSummariesOff')?.level ?? found.get('walSummaries')?.level,
      major >= 17 ? 'notice' : 'ok',
    )
    for (const { level, advice } of found.values()) equal(advice === null, level === 'ok')
  })

  test('what a role may not read is a problem, and what it does not own a warning', async () => {
    const database = await createDatabase(major)
    await database.query(`
      DO $$ BEGIN CREATE ROLE snap_patient LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
      CREATE TABLE open (id int PRIMARY KEY);
      CREATE TABLE closed (id int PRIMARY KEY);
      CREATE TABLE personal (id int PRIMARY KEY);
      ALTER TABLE personal ENABLE ROW LEVEL SECURITY;
      CREATE SEQUENCE numbers;
      CREATE SCHEMA hidden;
      CREATE TABLE hidden.away (id int PRIMARY KEY);
      GRANT SELECT ON open, personal, hidden.away TO snap_patient;
      SELECT lo_create(1);`)
    const found = await diagnose(database, 'snap_patient')
    deepEqual(troubles(found), [
      'tablesUnreadable: problem',
      'rowsHidden: problem',
      'sequencesUnreadable: problem',
      'largeObjectsUnreadable: problem',
      'tablesNotOwned: warning',
      'schemasNotCreatable: warning',
      'databasesNotCreatable: notice',
    ])
    match(found.get('tablesUnreadable')!.finding, /2 of 4 tables: hidden\.away, public\.closed$/)
    match(found.get('rowsHidden')!.finding, /public\.personal/)
  })

  test('what the doctor finds readable can be committed, and what not cannot', async () => {
    const { commitDatabase, memoryStore } = await import('../support/session.ts')
    const database = await createDatabase(major)
    await database.query(`
      DO $$ BEGIN CREATE ROLE snap_doctor_reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
      CREATE TABLE t (id int PRIMARY KEY); CREATE SEQUENCE s;
      GRANT SELECT ON t TO snap_doctor_reader; GRANT SELECT ON SEQUENCE s TO snap_doctor_reader;`)
    const url = databaseUrl(serverOf(major), database.name, 'snap_doctor_reader')
    const problems = async () =>
      [...(await diagnose(database, 'snap_doctor_reader')).values()].filter(
        ({ level }) => level === 'problem',
      ).length
    // Others may leave something in the cluster that the doctor names as well.
    const problemsBefore = await problems()
    await commitDatabase(await memoryStore(), url)

    for (const change of [
      'REVOKE SELECT ON SEQUENCE s FROM snap_doctor_reader',
      'REVOKE SELECT ON t FROM snap_doctor_reader',
    ]) {
      await database.query(change)
      equal((await problems()) > problemsBefore, true, change)
      const outcome = await commitDatabase(await memoryStore(), url).catch(({ code }) => code)
      equal(outcome, 'POSTGRES_PERMISSION_DENIED', change)
    }
  })

  test('tables that need attention are named', async () => {
    const database = await createDatabase(major)
    await database.query(`
      CREATE TABLE keyed (id int PRIMARY KEY);
      CREATE TABLE by_index (id int NOT NULL); CREATE UNIQUE INDEX ON by_index (id);
      CREATE TABLE nullable (id int UNIQUE);
      CREATE TABLE partly (id int NOT NULL, live boolean); CREATE UNIQUE INDEX ON partly (id) WHERE live;
      CREATE UNLOGGED TABLE volatile (id int PRIMARY KEY);
      CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
      CREATE FOREIGN TABLE far (id int) SERVER s;`)
    const found = await diagnose(database)
    deepEqual(troubles(found), [
      'tablesWithoutKey: notice',
      'tablesUnlogged: notice',
      'foreignTables: notice',
    ])
    match(
      found.get('tablesWithoutKey')!.finding,
      /^2 tables have no key: public\.nullable, public\.partly$/,
    )
    match(found.get('foreignTables')!.finding, /: public\.far$/)
  })

  test('timeouts of the role are told, and are no trouble', async () => {
    const database = await createDatabase(major)
    await database.query(`ALTER DATABASE "${database.name}" SET statement_timeout = '5s'`)
    const found = await diagnose(database)
    match(found.get('timeouts')!.finding, /^statement_timeout = 5000 ms for role postgres; /)
    deepEqual(troubles(found), [])
  })

  test('everything that can be in a database can be looked at', async () => {
    const database = await createFixtureDatabase(major, 'everything')
    const found = await diagnose(database)
    equal(
      [...found.values()].some(({ level }) => level === 'problem'),
      false,
    )
    await database.drop()
  })
})

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { examineScripts } from '../../../src/migrations/examine-scripts.ts'

const codesOf = async (sources: string[], isSequence: boolean) => {
  const scripts = sources.map((source, i) => ({ file: `${i}.sql`, source }))
  const findings = await examineScripts(scripts, { state: null, isSequence })
  return findings.map(({ file, line, code }) => `${file}:${line} ${code}`)
}

test('of scripts that run one after the other, what one makes is not there before the next', async () => {
  const sources = ['CREATE TABLE notes (id int)', 'TRUNCATE notes']
  deepEqual(await codesOf(sources, true), [])
  deepEqual(await codesOf(sources, false), ['1.sql:1 TRUNCATE'])
})

test('a statement that nobody can look into hides no other', async () => {
  const deep = `SELECT ${'1 + '.repeat(200_000)} 1;`
  const wide = `SELECT ${'('.repeat(50_000)}1${')'.repeat(50_000)};`
  for (const statement of [deep, wide, 'SELECT \0;', 'this is no SQL;', '\uD800;']) {
    const codes = await codesOf([`${statement}\nDROP TABLE users;`], false)
    deepEqual(codes.slice(-1), ['0.sql:2 DROP_TABLE'])
  }
})

test('a zero byte, after which the parser would see nothing, is not read as an end', async () => {
  deepEqual(await codesOf(['SELECT 1 \0 ; DROP TABLE x'], false), [
    '0.sql:1 SQL_UNREADABLE',
    '0.sql:1 DROP_TABLE',
  ])
})

test('places are those of an editor, whatever characters and line ends come before', async () => {
  const source =
    '-- größe 😀\r\nSELECT \'😀\';\r\n  /* é */ DROP TABLE x;\r\nDELETE FROM "😀";\r\nSELECT é é é;'
  const findings = await examineScripts([{ file: 'a.sql', source }], {
    state: null,
    isSequence: false,
  })
  deepEqual(
    findings.map(({ line, column, code }) => [line, column, code]),
    [
      [3, 11, 'DROP_TABLE'],
      [4, 1, 'DELETE_ALL'],
      [5, 12, 'SQL_UNREADABLE'],
    ],
  )
})

test('passwords in a script stay out of what is said of it', async () => {
  const sources = [
    "ALTER ROLE ada PASSWORD 'hunter2' VALID;",
    "ALTER ROLE ada PASSWORD 'hunter2 SET",
    "DO $$ BEGIN PERFORM dblink('host=x password=hunter2'); EXECUTE 'x ' || f('postgres://ada:hunter2@db/x'); EXECUTE s; END $$",
    "ALTER ROLE ada PASSWORD E'hun\\'hunter2' VALID;",
  ]
  const scripts = sources.map((source, i) => ({ file: `${i}.sql`, source }))
  const findings = await examineScripts(scripts, { state: null, isSequence: false })
  equal(new Set(findings.map(({ file }) => file)).size, sources.length)
  equal(JSON.stringify(findings).includes('hunter2'), false)
})

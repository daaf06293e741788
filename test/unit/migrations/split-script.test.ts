import { deepEqual, equal } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { ScriptReader } from '../../../src/migrations/split-script.ts'
import { loadSqlParser, SyntaxProblem } from '../../../src/migrations/sql-parser.ts'
import { root } from '../../guard/source-files.ts'

function split(source: string): { kind: string; text: string; offset: number }[] {
  const reader = new ScriptReader(source)
  const pieces = []
  for (let piece = reader.next(); piece !== undefined; piece = reader.next()) pieces.push(piece)
  return pieces
}

describe('a script is cut where psql cuts it', () => {
  test.each<[string, string[]]>([
    ['', []],
    [' ;;\n ; ', []],
    ['-- nothing\n/* at all */', []],
    ['SELECT 1', ['SELECT 1']],
    ['SELECT 1;SELECT 2 ;', ['SELECT 1', 'SELECT 2']],
    ["SELECT ';' || ''';' ; SELECT 2", ["SELECT ';' || ''';'", 'SELECT 2']],
    [String.raw`SELECT E'\';' ; SELECT 2`, [String.raw`SELECT E'\';'`, 'SELECT 2']],
    [String.raw`SELECT '\' ; SELECT 2`, [String.raw`SELECT '\'`, 'SELECT 2']],
    [String.raw`SELECT type'\' ; SELECT 2`, [String.raw`SELECT type'\'`, 'SELECT 2']],
    ['SELECT 1 AS ";"";" ; SELECT 2', ['SELECT 1 AS ";"";"', 'SELECT 2']],
    ['SELECT $$;$$, $a$;$$;$a$ ; SELECT 2', ['SELECT $$;$$, $a$;$$;$a$', 'SELECT 2']],
    ['SELECT a$b$c ; SELECT $1 ; SELECT 3', ['SELECT a$b$c', 'SELECT $1', 'SELECT 3']],
    [
      'SELECT 1 -- ; no\n, 2 ; SELECT /* ; /* ; */ ; */ 3',
      ['SELECT 1 -- ; no\n, 2', 'SELECT /* ; /* ; */ ; */ 3'],
    ],
    [
      'CREATE RULE r AS ON DELETE TO t DO (SELECT 1; SELECT 2); SELECT 3',
      ['CREATE RULE r AS ON DELETE TO t DO (SELECT 1; SELECT 2)', 'SELECT 3'],
    ],
    [
      'CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3',
      [
        'CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END',
        'SELECT 3',
      ],
    ],
    ['BEGIN; SELECT 1; END; SELECT 2', ['BEGIN', 'SELECT 1', 'END', 'SELECT 2']],
    ['\\i a.sql\nSELECT 1;\n\\echo done', ['\\i a.sql', 'SELECT 1', '\\echo done']],
    ['SELECT 1 \\gset\nSELECT 2;', ['SELECT 1', '\\gset', 'SELECT 2']],
    ['SELECT 1 \\; SELECT 2;', ['SELECT 1', 'SELECT 2']],
    ['SELECT 1,\n\\echo x\n2;', ['SELECT 1,\n       \n2']],
    ["SELECT 'open ; SELECT 2", ["SELECT 'open ; SELECT 2"]],
    ['/* open ; SELECT 2', []],
    ['\uFEFFSELECT 1;', ['SELECT 1']],
  ])('%j', (source, texts) => {
    const pieces = split(source)
    deepEqual(
      pieces.map(({ text }) => text),
      texts,
    )
    for (const { text, offset } of pieces) equal(source.startsWith(text.slice(0, 4), offset), true)
  })
})

test('the data after COPY … FROM stdin is skipped up to its end', () => {
  for (const newline of ['\n', '\r\n']) {
    const reader = new ScriptReader(
      ['COPY t FROM stdin; -- rest', "it's;1", '\\.', 'SELECT 2'].join(newline),
    )
    equal(reader.next()?.text, 'COPY t FROM stdin')
    reader.skipCopyData()
    equal(reader.next()?.text, 'SELECT 2')
  }
  const unfinished = new ScriptReader('COPY t FROM stdin;\n1\n2\n')
  unfinished.next()
  unfinished.skipCopyData()
  equal(unfinished.next(), undefined)
})

test('any text is cut without end, into pieces in their order', () => {
  const part = fc.constantFrom(
    "'",
    '"',
    '$$',
    '$a$',
    '--',
    '/*',
    '*/',
    ';',
    '\\',
    '\n',
    '(',
    ')',
    'E',
    'x',
    ' ',
    'begin',
    'create function',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(part).map((parts) => parts.join('')),
      ),
      (source) => {
        let end = 0
        for (const { offset, text } of split(source)) {
          equal(offset >= end, true)
          end = offset + text.length
        }
        equal(end <= source.length, true)
      },
    ),
    { numRuns: 500 },
  )
})

/** PostgreSQL's own parser knows where statements end; it is only less forgiving. */
describe('scripts that PostgreSQL parses whole are cut into as many statements', () => {
  const databases = join(root, 'fixtures/databases')
  const scripts = readdirSync(databases, { recursive: true, encoding: 'utf8' })
  const corpus = ['drops', 'rows', 'harmless', 'made-here', 'procedural', 'type-changes']
  test.each([
    ...scripts.filter((name) => name.endsWith('.sql')).map((name) => join(databases, name)),
    ...corpus.map((name) => join(root, 'fixtures/destructive-sql', `${name}.sql`)),
  ])('%s', async (path) => {
    const parser = await loadSqlParser()
    const source = readFileSync(path, 'utf8')
    const whole = parser.parse(source)
    equal(whole instanceof SyntaxProblem ? whole.message : whole.length, split(source).length)
  })
})

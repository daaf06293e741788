/**
 * `snap load`: what becomes of each row of a file, and that nothing is ever half-loaded.
 */
import { deepEqual, equal, match } from 'node:assert/strict'
import { createWriteStream } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, test } from 'vitest'
import { allMajors, oldestAndNewestMajor } from '../support/postgres.ts'
import { describeDifference, dumpWith } from '../support/witness.ts'
import { newWorkplace, type Workplace } from './workplace.ts'

const TABLES = `
  CREATE TABLE people (id bigint PRIMARY KEY, external_id int UNIQUE, name text NOT NULL,
    born date, seen timestamptz, height numeric(6,2), tags text[], extra jsonb, CHECK (height < 300));
  INSERT INTO people (id, external_id, name, height) VALUES (1, 101, 'Ada', 170), (2, 102, 'Bob', 180);
`

interface Place extends Workplace {
  write(name: string, text: string | Uint8Array): Promise<void>
  people(columns?: string): Promise<Record<string, unknown>[]>
}

async function newPlace(major: number): Promise<Place> {
  const place = await newWorkplace(major, TABLES)
  await place.succeed(['init'])
  return {
    ...place,
    write: (name, text) => writeFile(join(place.directory, name), text),
    people: (columns = '*') =>
      place.database.query(`SELECT ${columns} FROM people ORDER BY people.id`),
  }
}

oldestAndNewestMajor((major) => {
  test('rows go in by the primary key: new ones, changed ones, and those that are the same', async () => {
    const place = await newPlace(major)
    const before = await dumpWith(major, place.database.url)
    await place.write('people.csv', 'ID,Name,height\n1,Ada,170.00\n2,Robert,180\n3,Cy,190\n')
    const { exitCode, stdout, stderr } = await place.snap(['load', 'people.csv', '-t', 'people'])
    equal(exitCode, 0, stderr)
    equal(stdout, 'public.people: 3 rows: 1 inserted, 1 updated, 1 unchanged; by the key (id)\n')
    deepEqual(await place.people('id::int, name, external_id'), [
      { id: 1, name: 'Ada', external_id: 101 },
      { id: 2, name: 'Robert', external_id: 102 },
      { id: 3, name: 'Cy', external_id: null },
    ])
    match(await place.succeed(['ops']), /\+1 ~1 rows {2}snap load people\.csv/)
    const [, command] = /^To return to the state before: snap (.*)$/m.exec(stderr)!
    await place.succeed([...command!.split(' '), '-y'])
    equal(describeDifference(before, await dumpWith(major, place.database.url)), undefined)
  })

  test('a column is mapped to another key, and rows that exist are skipped', async () => {
    const place = await newPlace(major)
    await place.write('export.tsv', 'ID\tname\tpk\tnoise\n101\tX\t7\t1\n103\t"C\ty"\t8\t2\n')
    const flags = ['--map', 'ID=external_id', '--map', 'pk=id', '--ignore', 'noise']
    const argv = ['load', 'export.tsv', '-t', 'people', ...flags, '--skip-existing']
    const { result } = await place.json([...argv, '--key', 'external_id'])
    deepEqual(
      [result.insertedCount, result.updatedCount, result.skippedCount, result.key],
      [1, 0, 1, ['external_id']],
    )
    deepEqual(await place.people('id::int, name, external_id'), [
      { id: 1, name: 'Ada', external_id: 101 },
      { id: 2, name: 'Bob', external_id: 102 },
      { id: 8, name: 'C\ty', external_id: 103 },
    ])
  })

  test('quotes, nulls, time zones, numbers of any length and JSON arrive as they are', async () => {
    const place = await newPlace(major)
    await place.write(
      'a.csv',
      '\uFEFFid,name,born,seen,height,extra\r\n10,"a ""b"",\nc",NULL,2024-07-01 12:00,1.5,"{""k"": 1}"\r\n' +
        '11,"NULL",2024-02-29,2024-07-01T12:00:00+05:30,NULL,NULL\r\n',
    )
    await place.succeed([
      'load',
      'a.csv',
      '-t',
      'people',
      '--null',
      'NULL',
      '--time-zone',
      'Europe/Paris',
    ])
    await place.write(
      'b.json',
      ' [{"id": 9007199254740993, "name": "j", "tags": ["x", "y \\"z\\"", null], "extra": {"n": 12345678901234567890, "s": [1.10]}},' +
        '\n {"name": "sparse é", "id": 12}]',
    )
    await place.succeed(['load', 'b.json', '-t', 'people'])
    await place.write(
      'c.jsonl',
      '{"id": 13, "name": "line", "height": 1e2}\n\n{"id": 14, "name": true}',
    )
    await place.succeed(['load', 'c.jsonl', '-t', 'people'])
    const rows = await place.people(
      "id::text, name, born::text, seen AT TIME ZONE 'UTC' || '' AS seen, height::text, tags, extra::text",
    )
    const blank = { born: null, seen: null, height: null, tags: null, extra: null }
    deepEqual(rows.slice(2), [
      {
        ...blank,
        id: '10',
        name: 'a "b",\nc',
        seen: '2024-07-01 10:00:00',
        height: '1.50',
        extra: '{"k": 1}',
      },
      { ...blank, id: '11', name: 'NULL', born: '2024-02-29', seen: '2024-07-01 06:30:00' },
      { ...blank, id: '12', name: 'sparse é' },
      { ...blank, id: '13', name: 'line', height: '100.00' },
      { ...blank, id: '14', name: 'true' },
      {
        ...blank,
        id: '9007199254740993',
        name: 'j',
        tags: ['x', 'y "z"', null],
        extra: '{"n": 12345678901234567890, "s": [1.10]}',
      },
    ])
  })

  const BAD = [
    'id,name,height,born',
    '3,good,1,2024-01-01',
    'x,not a number,1,',
    '4,"",1,',
    '5,,1,',
    '6,too tall,999,',
    '7,no such day,1,2024-02-30',
    '3,twice,1,',
    '8,short,1',
    '9,stray "quote" and "more,1,',
    '10,"fine',
    'on two lines",2,',
    'y,bad,1,',
  ]

  test('rows that do not fit are all listed, by number, value and reason, and nothing is loaded', async () => {
    const place = await newPlace(major)
    await place.write('bad.csv', BAD.join('\n'))
    const before = await dumpWith(major, place.database.url)
    const { exitCode, stderr } = await place.snap(['--json', 'load', 'bad.csv', '-t', 'people'])
    equal(exitCode, 7, stderr)
    const error = JSON.parse(stderr.trim().split('\n').at(-1)!)
    equal(error.code, 'LOAD_REJECTED')
    const rejected = error.data.rejected.map(
      (row: Record<'rowNumber' | 'lineNumber' | 'column' | 'value' | 'reason', unknown>) => [
        row.rowNumber,
        row.lineNumber,
        row.column,
        row.value,
        row.reason,
      ],
    )
    deepEqual(rejected, [
      [2, 3, 'id', 'x', 'invalid input syntax for type bigint: "x"'],
      [
        4,
        5,
        null,
        null,
        'null value in column "name" of relation "people" violates not-null constraint',
      ],
      [
        5,
        6,
        null,
        null,
        'new row for relation "people" violates check constraint "people_height_check"',
      ],
      [6, 7, 'born', '2024-02-30', 'date/time field value out of range: "2024-02-30"'],
      [7, 8, null, null, 'has the same key as row 1'],
      [8, 9, null, null, 'has 3 fields, and the header 4'],
      [9, 10, null, null, 'has a quote where none may be'],
      [11, 13, 'id', 'y', 'invalid input syntax for type bigint: "y"'],
    ])
    equal(describeDifference(before, await dumpWith(major, place.database.url)), undefined)
    equal((await place.json(['ops'])).changes ?? null, null)
  })

  test('with --reject they are written apart, and the others loaded', async () => {
    const place = await newPlace(major)
    await place.write('bad.csv', BAD.join('\n'))
    const argv = ['load', 'bad.csv', '-t', 'people', '--reject', 'rejected.csv']
    const dry = await place.snap([...argv, '--dry-run'])
    equal(dry.exitCode, 1)
    match(dry.stdout, /3 inserted, 8 rejected/)
    equal((await place.people()).length, 2)

    const { exitCode, stdout } = await place.snap(argv)
    equal(exitCode, 1)
    match(stdout, /^ {2}rejected: row 2 \(line 3\), column id \("x"\): invalid input syntax/m)
    deepEqual(
      (await place.people('id::int')).map(({ id }) => id),
      [1, 2, 3, 4, 10],
    )
    const lines = (await readFile(join(place.directory, 'rejected.csv'), 'utf8')).split('\n')
    equal(lines[0], 'row,line,reason,id,name,height,born')
    equal(
      lines[2],
      '4,5,"null value in column ""name"" of relation ""people"" violates not-null constraint",5,,1,',
    )
    equal((await place.snap(argv)).exitCode, 7)
  })

  test('however many rows do not fit, all are in the file of rejected rows, in its order', async () => {
    const place = await newPlace(major)
    const lines = ['id,name']
    for (let n = 12; n < 1_662; n++) {
      // Found by three different ways: the width, the cast, and the key that was there before.
      lines.push(
        n % 3 === 0 ? `${n},good` : n % 3 === 1 ? `${n}` : n % 2 === 0 ? `x${n},x` : '12,k',
      )
    }
    await place.write('many.csv', lines.join('\n'))
    const argv = ['load', 'many.csv', '-t', 'people']
    const refused = await place.snap(argv)
    equal(refused.exitCode, 7)
    match(refused.stderr, /^fatal: nothing was loaded: more than 1000 rows do not fit/m)
    const resultOf = async (flags: string[]) => {
      const { exitCode, stdout } = await place.snap(['--json', ...argv, ...flags])
      equal(exitCode, 1)
      return JSON.parse(stdout).result
    }
    equal((await resultOf(['--dry-run'])).rejectedCount, 1_100)

    const result = await resultOf(['--reject', 'r.csv'])
    deepEqual(
      [result.rowCount, result.insertedCount, result.rejectedCount, result.rejected.length],
      [1_650, 550, 1_100, 1_000],
    )
    const rejected = (await readFile(join(place.directory, 'r.csv'), 'utf8')).trim().split('\n')
    const [, ...numbers] = rejected.map((line) => Number(line.split(',', 1)[0]))
    const wanted = Array.from({ length: 1_650 }, (_, i) => i + 1).filter(
      (row) => (row + 11) % 3 > 0,
    )
    deepEqual(numbers, wanted)
  })

  test('sequences are moved past what was loaded, and forward only', async () => {
    const place = await newPlace(major)
    await place.database.query(`
      CREATE TABLE s (id serial PRIMARY KEY, t text);
      CREATE TABLE i (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text);
      CREATE SEQUENCE down INCREMENT -1;
      CREATE TABLE d (id int PRIMARY KEY DEFAULT nextval('down'), t text);
      INSERT INTO s (t) SELECT 'x' FROM generate_series(1, 9)`)
    const insert = async (table: string) => {
      const [row] = await place.database.query(
        `INSERT INTO ${table} (t) VALUES ('new') RETURNING id`,
      )
      return Number(row!.id)
    }
    await place.write('up.csv', 'id,t\n5,a\n40,b\nx,c\n')
    const argv = ['load', 'up.csv', '--reject', 'r.csv', '-t']
    match((await place.snap([...argv, 's', '--dry-run'])).stdout, /would be moved, 9 -> 40/)
    match(
      (await place.snap([...argv, 's'])).stdout,
      /^Sequence public\.s_id_seq \(column id\): moved, 9 -> 40$/m,
    )
    equal(await insert('s'), 41)
    await place.write('low.csv', 'id,t\n7,low\n')
    deepEqual((await place.json(['load', 'low.csv', '-t', 's'])).result.sequences, [])
    equal(await insert('s'), 42)

    const left = await place.json(['load', 'low.csv', '-t', 'i', '--leave-sequences'])
    deepEqual(left.result.sequences, [
      { name: 'public.i_id_seq', column: 'id', from: null, to: '7', outcome: 'left' },
    ])
    equal(await insert('i'), 1)
    await place.write('none.csv', 'id,t\nx,a\n')
    await place.snap(['load', 'none.csv', '--reject', 'none-rejected.csv', '-t', 'i'])
    equal(await insert('i'), 2)
    await place.write('ten.csv', 'id,t\n10,ten\n')
    equal((await place.json(['load', 'ten.csv', '-t', 'i'])).result.sequences[0].from, '2')
    equal(await insert('i'), 11)
    await place.write('down.csv', 'id,t\n-3,a\n-1,b\n')
    equal((await place.json(['load', 'down.csv', '-t', 'd'])).result.sequences[0].to, '-3')
    equal(await insert('d'), -4)
  })

  test('columns that do not fit are refused together, before a commit is made or a row read', async () => {
    const place = await newPlace(major)
    await place.write('a.csv', 'id,Nmae,height,HEIGHT\n1,x,1,1\n')
    const { exitCode, stderr } = await place.snap(['load', 'a.csv', '-t', 'people'])
    equal(exitCode, 2)
    match(stderr, /column 'Nmae' of the file is none of the table/)
    match(stderr, /columns 'height' and 'HEIGHT' of the file are both 'height'/)
    match(
      stderr,
      /column 'name' of the table may not be null, has no default, and is not in the file/,
    )
    equal(await place.succeed(['ops']).then((text) => text.includes('load')), false)
    equal((await place.snap(['load', 'a.csv', '-t', 'nowhere'])).exitCode, 2)
    equal((await place.snap(['load', 'b.csv', '-t', 'people'])).exitCode, 2)
  })

  describe('a file that ends too early, or is none, is refused whole', () => {
    test.each<[string, string | Uint8Array]>([
      ['within.csv', 'id,name\n3,good\n4,"not clos'],
      ['within.json', '[{"id": 3, "name": "good"}, {"id": 4, "na'],
      ['after.json', '[{"id": 3, "name": "good"},'],
      ['open.json', '[{"id": 3, "name": "good"}'],
      ['line.jsonl', '{"id": 3, "name": "good"}\n{"id": 4, "na'],
      ['row.csv', 'id,name\n3,good\n4'],
      ['empty.csv', ''],
      ['latin1.csv', Buffer.from('id,name\n3,\xe9\n', 'latin1')],
      ['scalar.json', '7'],
    ])('%s', async (name, text) => {
      const place = await newPlace(major)
      await place.write(name, text)
      const { exitCode, stderr } = await place.snap(['load', name, '-t', 'people'])
      equal([2, 7].includes(exitCode), true, stderr)
      match(stderr, /^fatal: (?:cannot read '|nothing was loaded: 1 row does not fit)/m)
      equal((await place.people()).length, 2)
    })
  })

  test('a foreign key, a trigger and a table without a key have their say', async () => {
    const place = await newPlace(major)
    await place.database.query(`
      CREATE TABLE notes (person bigint REFERENCES people DEFERRABLE INITIALLY DEFERRED, body text, id int GENERATED ALWAYS AS IDENTITY,
        size int GENERATED ALWAYS AS (length(body)) STORED);
      CREATE FUNCTION no_shouting() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF NEW.body = upper(NEW.body) THEN RAISE EXCEPTION 'no shouting'; END IF; RETURN NEW; END $$;
      CREATE TRIGGER t BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION no_shouting()`)
    await place.write('notes.csv', 'person,body,id\n1,hello,7\n99,nobody,8\n2,WHAT,9\n')
    const { exitCode, stdout } = await place.snap([
      'load',
      'notes.csv',
      '-t',
      'notes',
      '--reject',
      'r.csv',
    ])
    equal(exitCode, 1)
    match(
      stdout,
      /row 2 \(line 3\): insert or update on table "notes" violates foreign key constraint/,
    )
    match(stdout, /row 3 \(line 4\): no shouting/)
    match(stdout, /no key of the table is in the file: every row is taken for new/)
    deepEqual(await place.database.query('SELECT * FROM notes'), [
      { person: '1', body: 'hello', id: 7, size: 5 },
    ])
    await place.write('size.csv', 'size\n1\n')
    match(
      (await place.snap(['load', 'size.csv', '-t', 'notes'])).stderr,
      /is computed by the table/,
    )
  })
})

test('what is wrong with a file or a flag as a whole is told, and what is no row is none', async () => {
  const place = await newPlace(allMajors.at(-1)!)
  await place.write('ok.csv', 'id,name\n3,good\n')
  await place.write('semi.csv', 'id;name\n3;good\n')
  await place.write('tabs.csv', 'id\tname\n3\tgood\n')
  await place.write('empty.json', ' \n')
  await place.write('pretty.json', '{\n  "id": 3,\n  "name": "good"\n}\n')
  await place.write('numbers.json', '[1, 2]')
  await place.write('nothing.json', '[{}]')
  await place.database.query('CREATE TABLE anything (n int)')
  await mkdir(join(place.directory, 'dir.csv'))
  const cases: [argv: string[], exitCode: number, says: RegExp][] = [
    [['dir.csv'], 2, /cannot read 'dir\.csv': EISDIR/],
    [['empty.json'], 2, /cannot read 'empty\.json': it is empty/],
    [['pretty.json'], 2, /it is neither an array of objects nor an object on each line/],
    [['numbers.json'], 2, /it is neither an array of objects nor an object on each line/],
    [['nothing.json', '-t', 'anything'], 2, /no column of the file goes into the table/],
    [['semi.csv'], 2, /\nhint: fields seem to be separated by ';': say --delimiter ';'/],
    [['tabs.csv'], 2, /\nhint: fields seem to be separated by tabs: say --format tsv/],
    [['ok.csv', '--delimiter', ''], 2, /nothing can stand between fields as ""/],
    [['ok.csv', '--delimiter', '"'], 2, /nothing can stand between fields as "\\""/],
    [['ok.csv', '--time-zone', 'Mars/X'], 2, /the server knows no time zone 'Mars\/X'/],
    [
      ['ok.csv', '--map', 'name=extra', '--map', 'name=name'],
      2,
      /column 'name' of the file is mapped to both 'extra' and 'name'/,
    ],
    [['ok.csv', '--reject', 'nowhere/r.csv'], 8, /cannot write '.*nowhere\/r\.csv': ENOENT/],
  ]
  for (const [argv, exitCode, says] of cases) {
    const outcome = await place.snap(['load', '-t', 'people', ...argv])
    match(outcome.stderr, says)
    equal(outcome.exitCode, exitCode, outcome.stderr)
  }
  await place.write('none.json', '[]')
  await place.write('none.jsonl', '')
  for (const file of ['none.json', 'none.jsonl']) {
    match(await place.succeed(['load', file, '-t', 'people']), /0 rows: nothing to do/)
  }
  equal((await place.people()).length, 2)

  await place.write(
    'half.json',
    '[{"id": 3, "name": "\\ud83d\\ude00"}, {"id": 4, "name": "\\ud83d"}]',
  )
  const { exitCode, stdout } = await place.snap([
    'load',
    'half.json',
    '-t',
    'people',
    '--reject',
    'r',
  ])
  equal(exitCode, 1)
  match(stdout, /row 2, column name .*: has half of a surrogate pair/)
  deepEqual((await place.people('name')).slice(2), [{ name: '😀' }])
})

test('100 MB go through in memory that does not grow with them', async () => {
  const place = await newPlace(allMajors.at(-1)!)
  const rowCount = 1_000_000
  const filler = 'x'.repeat(88)
  const lines = function* () {
    yield 'id,name\n'
    for (let n = 1; n <= rowCount; n++) yield `${n},${n} ${filler}\n`
  }
  await pipeline(Readable.from(lines()), createWriteStream(join(place.directory, 'big.csv')))
  const before = process.memoryUsage.rss()
  let peak = before
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 100)
  const { result } = await place.json(['load', 'big.csv', '-t', 'people'])
  clearInterval(timer)
  deepEqual([result.insertedCount, result.updatedCount], [rowCount - 2, 2])
  equal(peak - before < 300 << 20, true, `${Math.round((peak - before) / 2 ** 20)} MiB more`)
})

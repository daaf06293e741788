/** CSV by rows: in the order of the file, each with its number and the line on which it begins. */
import { deepEqual, rejects } from 'node:assert/strict'
import { test } from 'vitest'
import { readCsv } from '../../../src/load/read-csv.ts'

const OPTIONS = { encoding: 'utf-8', delimiter: ',', nulls: [''] }

async function rowsOf(text: string, pieceBytes = text.length): Promise<unknown[]> {
  const bytes = Buffer.from(text)
  const open = async function* () {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
  }
  const { rows } = await readCsv({ path: 'x.csv', open }, OPTIONS)
  const found = []
  for await (const { rowNumber, lineNumber, values, problem } of rows) {
    found.push([rowNumber, lineNumber, problem ?? values.join('|')])
  }
  return found
}

test.each([
  ['\n', 'line feeds'],
  ['\r\n', 'carriage returns before them'],
])('lines are counted with %j between them and within quotes', async (end) => {
  const lines = ['a,b', '1,"two', 'lines"', '', '2,"x', '', 'y"', '3,z', '4,"q', 'r"', '5,s']
  const found = await rowsOf(lines.join(end))
  deepEqual(
    found.map((row) => (row as unknown[]).slice(0, 2)),
    [
      [1, 2],
      [2, 5],
      [3, 8],
      [4, 9],
      [5, 11],
    ],
  )
})

test('a row with stray quotes is one row, and stands where it is', async () => {
  const text = 'a,b\n1,x\n2,y "and" z "or"\n3,z\n4\n5,"q"q\n6,w\n7,"5" screen, wide"\n8,"""q"" r"\n'
  const wanted = [
    [1, 2, '1|x'],
    [2, 3, 'has a quote where none may be'],
    [3, 4, '3|z'],
    [4, 5, 'has 1 fields, and the header 2'],
    [5, 6, 'has a quote where none may be'],
    [6, 7, '6|w'],
    [7, 8, 'has a quote where none may be'],
    [8, 9, '8|"q" r'],
  ]
  deepEqual(await rowsOf(text), wanted)
  deepEqual(await rowsOf(text, 3), wanted)
})

test('a quoted field without an end is no row, and the file is refused', async () => {
  await rejects(rowsOf('a,b\n1,x\n2,"y\n3,z\n'), {
    code: 'INPUT_UNREADABLE',
    message: "cannot read 'x.csv': it ends within a quoted field",
  })
})

/** JSON by rows: an array of objects, or one on each line. */
import { deepEqual, equal, rejects } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { readJson } from '../../../src/load/read-json.ts'

const sourceOf = (text: string) => ({
  path: 'x',
  open: async function* () {
    yield Buffer.from(text)
  },
})

const PIECE_COUNT = 40
const ROWS_PER_PIECE = 200

describe('a row is there when no more than its piece of the file has been read', () => {
  test.each([
    ['json', '[', ',\n', ']'],
    ['jsonl', '', '\n', ''],
  ] as const)('%s', async (format, head, separator, tail) => {
    let readPieceCount = 0
    const open = async function* () {
      readPieceCount = 0
      for (let piece = 0; piece < PIECE_COUNT; piece++) {
        readPieceCount += 1
        const rows = Array.from({ length: ROWS_PER_PIECE }, () => '{"a": 1}').join(separator)
        const isLast = piece === PIECE_COUNT - 1
        yield Buffer.from(`${piece === 0 ? head : ''}${rows}${isLast ? tail : separator}`)
      }
    }
    const { columns, rows } = await readJson({ path: 'x', open }, format, 'utf-8')
    deepEqual(columns, ['a'])
    let rowCount = 0
    for await (const { rowNumber } of rows) {
      rowCount += 1
      equal(rowNumber, rowCount)
      const neededCount = Math.ceil(rowCount / ROWS_PER_PIECE)
      // The last row of a piece may be told by what follows it.
      equal(readPieceCount - neededCount <= 1, true, `${readPieceCount} pieces at row ${rowCount}`)
    }
    equal(rowCount, PIECE_COUNT * ROWS_PER_PIECE)
  })
})

test('no rows are none: an empty array, and a file without lines', async () => {
  const found = [
    await readJson(sourceOf(' [] '), 'json', 'utf-8'),
    await readJson(sourceOf(''), 'jsonl', 'utf-8'),
  ]
  deepEqual(
    found.map(({ columns, isEmpty }) => [columns, isEmpty]),
    [
      [[], true],
      [[], true],
    ],
  )
})

describe('a file that holds no object is none of rows', () => {
  test.each([
    ['', /it is empty/],
    ['7', /neither an array nor an object/],
    ['[1, 2]', /neither an array of objects nor an object on each line/],
    ['{\n"a": 1\n}', /neither an array of objects nor an object on each line/],
  ])('%j', async (text, message) => {
    await rejects(readJson(sourceOf(text), 'json', 'utf-8'), { code: 'INPUT_UNREADABLE', message })
  })
})

import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { projectRows } from '../../../src/restore/project-rows.ts'

const ROWS = '1\ta\\tb\tx\n2\tä\\N\ty\n3\t\\N\tz\n'

test.each([1, 2, 7, 100])(
  'columns are left out, however the bytes are cut: %i at a time',
  async (size) => {
    const bytes = Buffer.from(ROWS)
    const source = (async function* () {
      for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size)
    })()
    const pieces: Uint8Array[] = []
    for await (const piece of projectRows(source, ['id', 'text', 'other'], ['other', 'text'])) {
      pieces.push(piece)
    }
    deepEqual(Buffer.concat(pieces).toString(), 'x\ta\\tb\ny\tä\\N\nz\t\\N\n')
  },
)

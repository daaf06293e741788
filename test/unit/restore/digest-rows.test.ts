import fc from 'fast-check'
import { expect, test } from 'vitest'
import { digestRows } from '../../../src/restore/digest-rows.ts'

async function* pieces(text: string, size: number) {
  const bytes = Buffer.from(text)
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size)
}

const rowTexts = fc.array(fc.stringMatching(/^[a-c]{0,3}$/), { maxLength: 12 })
const toText = (rows: readonly string[]) => rows.map((row) => `${row}\n`).join('')

test('a digest does not depend on the order of rows or on how they arrive', async () => {
  await fc.assert(
    fc.asyncProperty(rowTexts, fc.integer({ min: 1, max: 9 }), async (rows, size) => {
      const shuffled = rows.toSorted()
      expect(await digestRows(pieces(toText(shuffled), size))).toBe(
        await digestRows(pieces(toText(rows), 1000)),
      )
    }),
  )
})

test('other rows, and the same row another time, give another digest', async () => {
  await fc.assert(
    fc.asyncProperty(rowTexts, rowTexts, async (left, right) => {
      const isSame =
        left.toSorted().join() === right.toSorted().join() && left.length === right.length
      const digests = [left, right].map((rows) => digestRows(pieces(toText(rows), 5)))
      expect((await digests[0]) === (await digests[1])).toBe(isSame)
    }),
  )
})

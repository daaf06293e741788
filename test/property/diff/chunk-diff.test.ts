import { deepEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'vitest'
import { type ChunkGroup, diffChunks, type RowStream } from '../../../src/diff/chunk-diff.ts'
import { decodeManifestNode } from '../../../src/format/manifest-node.ts'
import { objectIdOf } from '../../../src/format/object-id.ts'
import type { ChunkRef, ManifestNode, ObjectId } from '../../../src/format/values.ts'
import { ManifestWriter } from '../../../src/objects/manifest-writer.ts'

/** Few chunks, so that they repeat; some end a node, and some of each are the middle of a row. */
const POOL = Array.from({ length: 12 }, (_, i): ChunkRef => {
  const endsNode = i % 3 === 0
  const id = objectIdOf(Buffer.from(`chunk ${i}`)).slice(0, 62) + (endsNode ? '80' : '01')
  return {
    id: id as ObjectId,
    sizeBytes: 100 + i,
    rowCount: i % 4 === 0 || i === 7 ? 0 : 1 + (i % 2),
  }
})
const ROW_END = POOL[1]!

async function streamOf(
  chunks: readonly ChunkRef[],
): Promise<RowStream & { readCount: () => number }> {
  const nodes = new Map<ObjectId, ManifestNode>()
  const manifest = new ManifestWriter({
    put: async (_kind, bytes) => {
      const id = objectIdOf(bytes)
      nodes.set(id, decodeManifestNode(bytes))
      return id
    },
  })
  for (const chunk of chunks) await manifest.add(chunk)
  const rows = await manifest.finish()
  let count = 0
  return {
    rows,
    readCount: () => count,
    objects: {
      readNode: async (id) => {
        count++
        return structuredClone(nodes.get(id)!)
      },
      readChunk: () => Promise.reject(new Error('no chunk need be read')),
    },
  }
}

/** What is left of both lists when all groups of whole rows are known: the definition itself. */
function expected(before: readonly ChunkRef[], after: readonly ChunkRef[]): string[][] {
  const namesOf = (chunks: readonly ChunkRef[]) => {
    const names: string[] = []
    let name = ''
    for (const { id, rowCount } of chunks) {
      name += `${id} `
      if (rowCount === 0) continue
      names.push(name)
      name = ''
    }
    return names
  }
  const minus = (left: string[], right: string[]) => {
    const rest = [...right]
    return left.filter((name) => {
      const position = rest.indexOf(name)
      if (position >= 0) rest.splice(position, 1)
      return position < 0
    })
  }
  const [left, right] = [namesOf(before), namesOf(after)]
  return [minus(left, right).sort(), minus(right, left).sort()]
}

const nameOf = (group: ChunkGroup) => group.map(({ id }) => `${id} `).join('')

// Whole stretches repeat, move and change, as they do in a table; lists end with a row.
const stretch = fc.array(fc.constantFrom(...POOL), { minLength: 20, maxLength: 80 })
const lists = fc
  .tuple(
    fc.array(stretch, { minLength: 3, maxLength: 6 }),
    fc.array(fc.nat(), { minLength: 10, maxLength: 30 }),
    fc.array(
      fc.tuple(fc.nat(), fc.constantFrom('drop', 'swap', 'chunk'), fc.constantFrom(...POOL)),
      {
        maxLength: 4,
      },
    ),
  )
  .map(([stretches, order, edits]) => {
    const before = order.map((n) => stretches[n % stretches.length]!)
    const after = [...before]
    for (const [n, action, chunk] of edits) {
      const place = n % after.length
      const old = after[place]!
      if (action === 'chunk') after[place] = old.with(n % old.length, chunk)
      else if (action === 'swap') after[place] = stretches[n % stretches.length]!
      else if (after.length > 1) after.splice(place, 1)
    }
    return [
      [...before.flat(), ROW_END],
      [...after.flat(), ROW_END],
    ] as const
  })

test('what is left of two streams is what is left of their lists of whole rows', async () => {
  await fc.assert(
    fc.asyncProperty(lists, async ([before, after]) => {
      const left = await diffChunks(await streamOf(before), await streamOf(after))
      deepEqual(
        [left.before.map(nameOf).sort(), left.after.map(nameOf).sort()],
        expected(before, after),
      )
    }),
    { numRuns: 500 },
  )
})

test('one changed chunk among 60,000 is found by reading a few nodes', async () => {
  const chunks = Array.from(
    { length: 60_000 },
    (_, i): ChunkRef => ({ id: objectIdOf(Buffer.from(`${i}`)), sizeBytes: 100, rowCount: 1 }),
  )
  const changed = { ...chunks[30_000]!, id: objectIdOf(Buffer.from('changed')) }
  const before = await streamOf(chunks)
  const after = await streamOf(chunks.with(30_000, changed))

  deepEqual(await diffChunks(before, after), { before: [[chunks[30_000]]], after: [[changed]] })
  // Of every node that cancels, the last chunk is looked at: those below the few that were opened.
  deepEqual([before.readCount() < 400, after.readCount() < 400], [true, true])
})

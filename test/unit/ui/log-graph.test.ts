import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { drawGraph } from '../../../cli/ui/log-graph.ts'
import type { ObjectId } from '../../../src/index.ts'

/** `a<b,c` is commit a with ancestors b and c. */
const draw = (...commits: string[]) =>
  drawGraph(
    commits.map((text) => {
      const [id, ancestors] = text.split('<')
      return {
        id: id as ObjectId,
        ancestorIds: (ancestors?.split(',') ?? []) as ObjectId[],
      }
    }),
  )

test('a straight history is one line', () => {
  deepEqual(draw('c<b', 'b<a', 'a'), ['*', '*', '*'])
})

test('two branches run side by side and end where they began', () => {
  deepEqual(draw('d<a', 'c<b', 'b<a', 'a'), ['*', '│ *', '│ *', '*─┘'])
})

test('a merge has a line for each of its ancestors', () => {
  deepEqual(draw('m<b,c', 'c<a', 'b<a', 'a'), ['*─┐', '│ *', '* │', '*─┘'])
})

test('a line that ends leaves its place to the next', () => {
  deepEqual(draw('x', 'c<b', 'y', 'b'), ['*', '*', '│ *', '*'])
})

import { deepEqual, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'vitest'
import { CommitGraph, drawGraph, type GraphCommit } from '../../../cli/output/commit-graph.ts'
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

test('a merge takes no place of a line that ends in it', () => {
  deepEqual(draw('d<m', 'c<m', 'm<a,b', 'b<a', 'a'), ['*', '│ *', '*─┴─┐', '│   *', '*───┘'])
})

/** Commits before their ancestors, each with up to three of those that come later. */
const histories = fc.array(fc.array(fc.nat(), { maxLength: 3 }), { maxLength: 24 }).map((rows) =>
  rows.map((picks, place) => {
    const laterCount = rows.length - place - 1
    const later = laterCount === 0 ? [] : picks.map((pick) => place + 1 + (pick % laterCount))
    return {
      id: String(place) as ObjectId,
      ancestorIds: [...new Set(later)].map(String) as ObjectId[],
    }
  }),
)

const ENDS: Readonly<Record<string, string>> = {
  '│': 'ab',
  '─': 'lr',
  '┤': 'abl',
  '├': 'abr',
  '┼': 'ablr',
  '┘': 'al',
  '└': 'ar',
  '┴': 'alr',
  '┐': 'bl',
  '┌': 'br',
  '┬': 'blr',
  '*': 'ablr',
}

/** Rows as they would stand below each other, with one line of text below each commit's first. */
function drawLines(commits: readonly GraphCommit[]): string[] {
  const graph = new CommitGraph({ maxLanes: 100 })
  return commits.flatMap((commit) => {
    const { own, below } = graph.next(commit)
    return [own, below]
  })
}

test('every commit is drawn once, in its own row', () => {
  fc.assert(
    fc.property(histories, (commits) => {
      const graph = new CommitGraph({ maxLanes: 100 })
      const stars = commits.map((commit) => graph.next(commit).own.split('*').length - 1)
      deepEqual(
        stars,
        commits.map(() => 1),
      )
    }),
  )
})

test('a line that leaves a row arrives in the next', () => {
  fc.assert(
    fc.property(histories, (commits) => {
      const lines = drawLines(commits)
      const has = (line: number, column: number, end: string) =>
        ENDS[lines[line]?.[column] ?? ' ']?.includes(end) === true
      for (const [line, text] of lines.entries()) {
        for (const [column, character] of [...text].entries()) {
          if (character === '*') continue
          const where = `${lines.join('\n')}\nline ${line}, column ${column}`
          for (const [end, toLine, toColumn, other] of [
            ['a', line - 1, column, 'b'],
            ['b', line + 1, column, 'a'],
            ['l', line, column - 1, 'r'],
            ['r', line, column + 1, 'l'],
          ] as const) {
            if (has(line, column, end)) ok(has(toLine, toColumn, other), where)
          }
        }
      }
    }),
  )
})

test('lines lead down from a commit to each of its ancestors', () => {
  fc.assert(
    fc.property(histories, (commits) => {
      const lines = drawLines(commits)
      for (const [place, { ancestorIds }] of commits.entries()) {
        const reached = followDown(lines, place * 2)
        for (const id of ancestorIds) {
          const line = Number(id) * 2
          ok(
            reached.has(`${line} ${lines[line]!.indexOf('*')}`),
            `${place} to ${id}:\n${lines.join('\n')}`,
          )
        }
      }
    }),
  )
})

/** Everything that lines lead to from the commit in a line, never up and never through another commit. */
function followDown(lines: readonly string[], start: number): Set<string> {
  const reached = new Set<string>()
  const endsAt = (line: number, column: number) => ENDS[lines[line]?.[column] ?? ' '] ?? ''
  const visit = (line: number, column: number, isStart = false) => {
    const place = `${line} ${column}`
    if (reached.has(place)) return
    reached.add(place)
    if (lines[line]![column] === '*' && !isStart) return
    const ends = endsAt(line, column)
    if (ends.includes('b') && endsAt(line + 1, column).includes('a')) visit(line + 1, column)
    if (ends.includes('l') && endsAt(line, column - 1).includes('r')) visit(line, column - 1)
    if (ends.includes('r') && endsAt(line, column + 1).includes('l')) visit(line, column + 1)
  }
  visit(start, lines[start]!.indexOf('*'), true)
  return reached
}

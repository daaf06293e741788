import { deepEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'vitest'
import { formatUnifiedDiff } from '../../../src/diff/line-diff.ts'

const text = (...lines: string[]) => lines.map((line) => `${line}\n`).join('')

test('equal texts have no hunk', () => {
  deepEqual(formatUnifiedDiff('a\nb', 'a\nb\n'), [])
})

test('a change comes with three lines around it', () => {
  const before = text('1', '2', '3', '4', '5', '6', '7', '8', '9')
  deepEqual(formatUnifiedDiff(before, before.replace('5\n', 'five\n')), [
    '@@ -2,7 +2,7 @@',
    ' 2',
    ' 3',
    ' 4',
    '-5',
    '+five',
    ' 6',
    ' 7',
    ' 8',
  ])
})

test('changes far apart are hunks of their own, and close ones share one', () => {
  const before = Array.from({ length: 20 }, (_, i) => `${i}`)
  const heads = (after: string[]) =>
    formatUnifiedDiff(text(...before), text(...after)).filter((line) => line.startsWith('@@'))
  deepEqual(heads(before.with(2, 'x').with(17, 'y')), ['@@ -1,6 +1,6 @@', '@@ -15,6 +15,6 @@'])
  deepEqual(heads(before.with(5, 'x').with(12, 'y')), ['@@ -3,14 +3,14 @@'])
})

test('a text that comes or goes whole begins at line 0 on the other side', () => {
  deepEqual(formatUnifiedDiff('', 'a\nb'), ['@@ -0,0 +1,2 @@', '+a', '+b'])
  deepEqual(formatUnifiedDiff('a', ''), ['@@ -1,1 +0,0 @@', '-a'])
})

test('the hunks, applied to the first text, give the second', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 25 })
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      deepEqual(patch(before, formatUnifiedDiff(text(...before), text(...after))), after)
    }),
    { numRuns: 500 },
  )
})

function patch(before: readonly string[], hunks: readonly string[]): string[] {
  const result: string[] = []
  let next = 0
  for (const line of hunks) {
    const head = /^@@ -(\d+),(\d+) /.exec(line)
    if (head !== null) {
      const start = Number(head[2]) === 0 ? Number(head[1]) : Number(head[1]) - 1
      result.push(...before.slice(next, start))
      next = start
      continue
    }
    if (line[0] !== '+') deepEqual(before[next++], line.slice(1))
    if (line[0] !== '-') result.push(line.slice(1))
  }
  return [...result, ...before.slice(next)]
}

/**
 * Compares two short texts line by line and writes a unified diff. Pure.
 *
 * Finds a longest common subsequence in time and memory of the product of the
 * lines that differ, which for the DDL of one object is nothing.
 */

type Line = { sign: ' ' | '-' | '+'; text: string }

const CONTEXT_LINES = 3

/** Returns the hunks of a unified diff (`@@ -1,4 +1,5 @@` and lines with their sign); none when equal. */
export function formatUnifiedDiff(before: string, after: string): string[] {
  const lines = diffLines(splitLines(before), splitLines(after))
  const hunks: string[] = []
  let next = 0
  for (;;) {
    const first = lines.findIndex(({ sign }, position) => position >= next && sign !== ' ')
    if (first === -1) return hunks
    const start = Math.max(next, first - CONTEXT_LINES)
    const end = endOfHunk(lines, first)
    hunks.push(formatHunkHead(lines, start, end))
    for (const { sign, text } of lines.slice(start, end)) hunks.push(`${sign}${text}`)
    next = end
  }
}

/** A hunk goes on until more unchanged lines follow than two contexts hold. */
function endOfHunk(lines: readonly Line[], first: number): number {
  let last = first
  for (let position = first; position < lines.length; position++) {
    if (lines[position]!.sign !== ' ') last = position
    else if (position - last > 2 * CONTEXT_LINES) break
  }
  return Math.min(lines.length, last + 1 + CONTEXT_LINES)
}

function formatHunkHead(lines: readonly Line[], start: number, end: number): string {
  const range = (without: '+' | '-') => {
    const count = (part: readonly Line[]) => part.filter(({ sign }) => sign !== without).length
    const length = count(lines.slice(start, end))
    const skipped = count(lines.slice(0, start))
    return `${length === 0 ? skipped : skipped + 1},${length}`
  }
  return `@@ -${range('+')} +${range('-')} @@`
}

function diffLines(before: readonly string[], after: readonly string[]): Line[] {
  // lengths[i][j]: lines that before from i on and after from j on have in common.
  const lengths = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1))
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      lengths[i]![j] =
        before[i] === after[j]
          ? lengths[i + 1]![j + 1]! + 1
          : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!)
    }
  }
  const lines: Line[] = []
  let i = 0
  let j = 0
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      lines.push({ sign: ' ', text: before[i]! })
      i++
      j++
    } else if (
      j === after.length ||
      (i < before.length && lengths[i + 1]![j]! >= lengths[i]![j + 1]!)
    ) {
      lines.push({ sign: '-', text: before[i++]! })
    } else {
      lines.push({ sign: '+', text: after[j++]! })
    }
  }
  return lines
}

function splitLines(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n')
}

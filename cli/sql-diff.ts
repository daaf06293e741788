import {
  type DiffOptions,
  formatTransition,
  planTransition,
  type Transition,
  type TransitionGap,
} from '../src/index.ts'
import type { ComparedSide } from './compared-states.ts'
import { createColors } from './output/colors.ts'
import { nameOfEntry } from './output/diff-text.ts'
import type { Output } from './output/output.ts'
import { printable } from './output/printable.ts'
import { formatEntryDiff } from './output/schema-diff-text.ts'

/**
 * Writes a transaction that turns the first state into the second.
 *
 * @returns  whether anything differs
 */
export async function writeSqlScript(
  output: Output,
  sides: { before: ComparedSide; after: ComparedSide },
  options: DiffOptions,
): Promise<boolean> {
  const transition = await planTransition(sides.before, sides.after, options)
  await output.resultLines(...formatHead(sides, transition))
  for await (const statement of formatTransition(transition, sides, options)) {
    await output.resultLines(statement)
  }
  return !transition.found.isEqual
}

function formatHead(
  { before, after }: { before: ComparedSide; after: ComparedSide },
  { leftOut }: Transition,
): string[] {
  return [
    `-- Turns ${before.label} into ${after.label}, in one transaction.`,
    ...(leftOut.length === 0
      ? ['-- Complete: all that differs between them is in it.']
      : ['-- Not complete. These differences are not in it:', ...leftOut.flatMap(formatGap)]),
    '-- Roles and tablespaces that it names have to exist. Nothing asks whether the database is in',
    "-- the first state; to make one equal to a commit, proven, use 'snap checkout'.",
    ...(majorOf(before) === majorOf(after)
      ? []
      : [
          `-- The states are of PostgreSQL ${majorOf(before)} and ${majorOf(after)}, which word the same definitions in different ways.`,
        ]),
  ]
}

const majorOf = ({ serverVersionNumber }: ComparedSide) => Math.trunc(serverVersionNumber / 10_000)

function formatGap(gap: TransitionGap): string[] {
  switch (gap.kind) {
    case 'rows': {
      const table = printable(`${gap.namespace}.${gap.name}`)
      const reason =
        gap.because === 'left out' ? 'one of the states does not hold them' : 'not named by --table'
      return [
        `--   rows of ${table}: ${reason}`,
        ...(gap.areLost ? ['--     The table is created again: the rows it has ARE LOST.'] : []),
      ]
    }
    case 'schemaEntry': {
      const diff = formatEntryDiff(gap.change, createColors(false)).slice(2)
      return [
        `--   ${nameOfEntry(gap.change)}; change it by hand:`,
        ...diff.map((line) => `--     ${line}`),
      ]
    }
  }
}

import {
  formatUnifiedDiff,
  type SchemaEntry,
  type SchemaEntryChange,
} from '../../src/store-index.ts'
import type { Colors } from './colors.ts'
import { nameOfEntry } from './diff-text.ts'
import { printable, printableLines } from './printable.ts'

/** Writes the change of one schema entry as a unified diff of its DDL. */
export function formatEntryDiff(change: SchemaEntryChange, colors: Colors): string[] {
  const name = nameOfEntry(change)
  const { before, after } = change
  const lines = formatUnifiedDiff(describe(before), describe(after))
  return [
    colors.bold(`--- ${before === null ? '(none)' : name}`),
    colors.bold(`+++ ${after === null ? '(none)' : name}`),
    ...lines.map((line) => paint(printableLines(line), colors)),
  ]
}

/** What an entry is besides its DDL stands in front of it, so that a change of owner shows. */
function describe(entry: SchemaEntry | null): string {
  if (entry === null) return ''
  const facts = [
    ['owner', entry.owner],
    ['tablespace', entry.tablespace],
    // What every table has unless told otherwise need not be said.
    ['access method', entry.tableAccessMethod === 'heap' ? null : entry.tableAccessMethod],
  ] as const
  return [
    ...facts.flatMap(([label, value]) => (value ? [`-- ${label}: ${printable(value)}`] : [])),
    ...(entry.definition === null ? [] : [entry.definition.trim()]),
  ].join('\n')
}

function paint(line: string, colors: Colors): string {
  if (line.startsWith('@@')) return colors.cyan(line)
  if (line.startsWith('-')) return colors.red(line)
  return line.startsWith('+') ? colors.green(line) : line
}

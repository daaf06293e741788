import type {
  LargeObjectChanges,
  SchemaEntryChange,
  SequenceState,
  StateDiff,
  TableDiff,
  ValueChange,
} from '../../src/index.ts'
import type { Colors } from './colors.ts'
import { limitLines } from './limit-lines.ts'
import { printable } from './printable.ts'
import { formatSourceDiffs } from './source-text.ts'
import type { TextStyle } from './text-style.ts'
import { formatTable, MIN_NAME_WIDTH } from './text-table.ts'
import { formatCount, formatQuantity } from './units.ts'

/** A longer list is cut and the rest counted; `--json` has all of it. */
const MAX_LIST_LINES = 40

/** Says what differs, one line a table or object; nothing when nothing does. */
export function formatStateDiff(diff: StateDiff, style: TextStyle): string[] {
  const { colors } = style
  const sections = [
    formatTables(
      diff.tables.filter(({ change }) => change !== 'reordered'),
      style,
    ),
    formatSchema(diff.schema, colors),
    formatSequences(diff.sequences),
    formatOthers(diff),
    formatSourceDiffs(diff.sources, colors),
  ]
  return sections
    .filter((lines) => lines.length > 0)
    .flatMap((lines, i) => (i === 0 ? lines : ['', ...lines]))
}

function formatTables(tables: readonly TableDiff[], style: TextStyle): string[] {
  if (tables.length === 0) return []
  const { green, red, yellow } = style.colors
  const rows = tables.map((table) => [
    printable(`${table.namespace}.${table.name}`),
    formatRowCount(table.rows?.inserted, green),
    formatRowCount(table.rows?.deleted, red),
    formatRowCount(table.rows?.updated, yellow),
    describeTable(table),
  ])
  const columns = [
    { header: 'table', shrinksTo: MIN_NAME_WIDTH },
    { header: 'inserted', align: 'right' },
    { header: 'deleted', align: 'right' },
    { header: 'updated', align: 'right' },
    { header: '' },
  ] as const
  return formatTable(columns, rows, style)
}

/** None is said as such, and does not catch the eye; of rows that were not compared nothing is said. */
function formatRowCount(count: number | undefined, paint: (text: string) => string): string {
  if (count === undefined) return ''
  return count === 0 ? '0' : paint(formatCount(count))
}

function describeTable({ change, columns, keyColumns, rows, renamed }: TableDiff): string {
  const other = renamed === null ? null : printable(`${renamed.namespace}.${renamed.name}`)
  if (change === 'added') return other === null ? 'new table' : `renamed from ${other}`
  if (change === 'removed') return other === null ? 'table is gone' : `renamed to ${other}`
  const list = (sign: string, names: readonly string[]) =>
    names.map((name) => `${sign}${printable(name)}`)
  const notes = [...list('-', columns.onlyBefore), ...list('+', columns.onlyAfter)]
  return [
    ...(notes.length === 0 ? [] : [`columns ${notes.join(' ')}; rows compared in the others`]),
    ...(rows === null ? ['rows are not held by both sides'] : []),
    ...(keyColumns === null && rows !== null ? ['no key: updated rows count twice'] : []),
  ].join('; ')
}

const SCHEMA_SIGNS: Readonly<Record<SchemaEntryChange['change'], string>> = {
  added: '+',
  removed: '-',
  changed: '~',
}

function formatSchema(changes: readonly SchemaEntryChange[], colors: Colors): string[] {
  if (changes.length === 0) return []
  const paints = { added: colors.green, removed: colors.red, changed: colors.yellow }
  return [
    'Schema (+ added, - removed, ~ changed):',
    ...limitLines(
      changes.map((change) => {
        const line = `${SCHEMA_SIGNS[change.change]} ${nameOfEntry(change)}`
        return `  ${paints[change.change](line)}`
      }),
      MAX_LIST_LINES,
    ),
  ]
}

/** `TABLE public.users`. */
export function nameOfEntry(change: SchemaEntryChange): string {
  const { kind, namespace, name } = change.change === 'removed' ? change.before : change.after
  return `${printable(kind)} ${printable(namespace === null ? name : `${namespace}.${name}`)}`
}

function formatSequences(sequences: readonly ValueChange<SequenceState>[]): string[] {
  if (sequences.length === 0) return []
  const position = (state: SequenceState | null) =>
    state === null ? '-' : state.isCalled ? state.lastValue : `${state.lastValue} (not used yet)`
  return [
    'Sequences:',
    ...limitLines(
      sequences.map(
        ({ namespace, name, before, after }) =>
          `  ${printable(`${namespace}.${name}`)}: ${position(before)} -> ${position(after)}`,
      ),
      MAX_LIST_LINES,
    ),
  ]
}

function formatOthers({ largeObjects, materializedViews }: StateDiff): string[] {
  return [
    ...formatLargeObjects(largeObjects),
    ...materializedViews.map(({ namespace, name, after, before }) => {
      const state =
        after === null
          ? 'is gone'
          : before === null
            ? 'is new'
            : after.isPopulated
              ? 'is filled'
              : 'is empty'
      return `Materialized view ${printable(`${namespace}.${name}`)} ${state}`
    }),
  ]
}

function formatLargeObjects({ added, removed, changed }: LargeObjectChanges): string[] {
  const parts = [
    [added, 'added'],
    [removed, 'removed'],
    [changed, 'changed'],
  ] as const
  const texts = parts
    .filter(([oids]) => oids.length > 0)
    .map(([oids, word]) => `${formatQuantity(oids.length, 'large object')} ${word}`)
  return texts.length === 0 ? [] : [texts.join(', ')]
}

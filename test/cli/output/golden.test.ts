/**
 * What commands print, word for word: at a narrow, a usual and a wide terminal, to a file, and in colour.
 *
 * Colours are written as `{red}…{/}`, so that the expected text can be read.
 */
import { deepEqual } from 'node:assert/strict'
import stringWidth from 'string-width'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { formatCheckoutResult } from '../../../cli/output/checkout-text.ts'
import { createColors } from '../../../cli/output/colors.ts'
import { CommitGraph } from '../../../cli/output/commit-graph.ts'
import { formatStateDiff } from '../../../cli/output/diff-text.ts'
import { formatDiagnoses } from '../../../cli/output/doctor-text.ts'
import { formatFsckReport } from '../../../cli/output/fsck-text.ts'
import { formatGcPlan } from '../../../cli/output/gc-text.ts'
import { formatLoadResult } from '../../../cli/output/load-text.ts'
import { formatLogEntry, formatLogLines } from '../../../cli/output/log-text.ts'
import { formatMigrationStatus } from '../../../cli/output/migrate-text.ts'
import { formatOperation, formatOperations } from '../../../cli/output/operation-text.ts'
import { formatPlan } from '../../../cli/output/plan-text.ts'
import { formatPrunePlan } from '../../../cli/output/prune-text.ts'
import { formatBranches, formatPins, formatTags } from '../../../cli/output/ref-text.ts'
import { formatContents, formatOrigin, formatTables } from '../../../cli/output/show-text.ts'
import { formatStats } from '../../../cli/output/stats-text.ts'
import type { TextStyle } from '../../../cli/output/text-style.ts'
import type { Clock } from '../../../cli/output/times.ts'
import { NOW } from '../run-snap.ts'
import {
  CHECKOUT_PLAN,
  CHECKOUT_RESULT,
  commitAt,
  DIAGNOSES,
  DIFF,
  FORECAST,
  FSCK_REPORT,
  GC_PLAN,
  HISTORY,
  idOf,
  LOAD_RESULT,
  MIGRATIONS,
  OPERATIONS,
  PRUNE_PLAN,
  STATS,
  TABLES,
  TREE,
} from './example-values.ts'

beforeAll(() => void vi.stubEnv('TZ', 'UTC'))
afterAll(() => void vi.unstubAllEnvs())

const REFS = [
  { name: 'main', commitId: idOf(1), title: 'merge prices', isCurrent: true },
  {
    name: '価格/a-branch-that-somebody-gave-a-long-name',
    commitId: idOf(3),
    title: 'new prices, from the list of the first of March',
    isCurrent: false,
  },
]

/** Every command's text, by the command that prints it. */
const VIEWS: Readonly<Record<string, (style: TextStyle) => string[]>> = {
  'log --oneline --graph': (style) => {
    const graph = new CommitGraph()
    return HISTORY.flatMap((entry) => formatLogLines(entry, style, graph))
  },
  'log --oneline': (style) => HISTORY.flatMap((entry) => formatLogLines(entry, style)),
  'log --graph': (style) => {
    const graph = new CommitGraph()
    return HISTORY.flatMap((entry) => formatLogEntry(entry, style, graph))
  },
  show: (style) => [
    ...formatOrigin(commitAt(94, 'x'), style),
    '',
    ...formatTables(TABLES, { isWhole: true, style }),
    ...formatContents(commitAt(94, 'x'), TREE),
  ],
  status: (style) => formatStateDiff(DIFF, style),
  branch: (style) => formatBranches(REFS, { targetRef: 'refs/heads/main', id: idOf(1) }, style),
  tag: (style) => formatTags(REFS, style),
  pin: (style) =>
    formatPins(
      REFS.map((ref) => ({ ...ref, message: 'by hand', pinnedAt: '2026-02-27T09:00:00.000Z' })),
      style,
    ),
  ops: (style) => formatOperations(OPERATIONS, style),
  'ops 107': (style) =>
    formatOperation(OPERATIONS[0].operation, 'done', { style, rollback: 'snap rollback 107' }),
  'prune --dry-run': (style) => [...formatPrunePlan(PRUNE_PLAN, style), ...formatGcPlan(GC_PLAN)],
  fsck: ({ colors }) => formatFsckReport(FSCK_REPORT, colors),
  doctor: ({ colors }) => formatDiagnoses(DIAGNOSES, { database: undefined, colors }),
  stats: (style) =>
    formatStats(STATS, { ...FORECAST, reaches: [...FORECAST.reaches] }, { count: 2, style }),
  'migrate --status': (style) => formatMigrationStatus(MIGRATIONS, style),
  load: ({ colors }) => formatLoadResult(LOAD_RESULT, { colors, rejectFile: 'rejected.csv' }),
  'checkout --dry-run': (style) => formatPlan(CHECKOUT_PLAN, { style, withSafety: true }),
  checkout: ({ colors }) =>
    formatCheckoutResult(CHECKOUT_PLAN, CHECKOUT_RESULT, { colors, withRowProof: false }),
}

const NAMES = ['bold', 'dim', 'red', 'green', 'yellow', 'cyan', 'magenta', 'inverse'] as const
function styleOf(columns: number | undefined, clock: Partial<Clock> = {}): TextStyle {
  return { colors: createColors(false), clock: { now: NOW, date: null, ...clock }, columns }
}

describe.each(Object.entries(VIEWS))('snap %s', (_name, view) => {
  test('at a narrow, a usual and a wide terminal', () => {
    const columnsOfText = new Map<string, number[]>()
    for (const columns of [40, 80, 200]) {
      const text = view(styleOf(columns)).join('\n')
      columnsOfText.set(text, [...(columnsOfText.get(text) ?? []), columns])
    }
    const texts = [...columnsOfText].map(
      ([text, columns]) => `at ${columns.join(', ')} columns:\n${text}\n`,
    )
    expect(`\n${texts.join('\n')}`).toMatchSnapshot()
  })

  test('in colour, without them the same text', () => {
    const painted = view({ ...styleOf(undefined), colors: createColors(true) })
    const readable = painted
      .join('\n')
      .replaceAll(/\u001b\[(\d+)m/g, (_, code: string) => NAME_OF_CODE[code] ?? '{/}')
    expect(`\n${readable}\n`).toMatchSnapshot()
    deepEqual(
      painted.map((line) => line.replaceAll(/\u001b\[\d+m/g, '')),
      view(styleOf(undefined)),
    )
  })
})

const NAME_OF_CODE: Readonly<Record<string, string>> = Object.fromEntries(
  NAMES.map((name) => [/\[(\d+)m/.exec(createColors(true)[name]('x'))![1], `{${name}}`]),
)

test('in colour a table breaks where it breaks without', () => {
  for (const columns of [40, 80, 200]) {
    for (const [name, view] of Object.entries(VIEWS)) {
      const painted = view({ ...styleOf(columns), colors: createColors(true) })
      deepEqual(
        painted.map((line) => line.replaceAll(/\u001b\[\d+m/g, '')),
        view(styleOf(columns)),
        name,
      )
    }
  }
})

test('no line of a list is wider than a terminal of 40 columns', () => {
  const lists = [
    'log --oneline --graph',
    'log --oneline',
    'branch',
    'tag',
    'pin',
    'migrate --status',
  ]
  for (const name of lists) {
    const widths = VIEWS[name]!(styleOf(40)).map((line) => stringWidth(line))
    deepEqual(
      widths.filter((width) => width > 40),
      [],
      name,
    )
  }
})

test('--date writes every time in one way', () => {
  const views = ['log --graph', 'ops', 'ops 107', 'pin', 'prune --dry-run', 'migrate --status']
  const text = (['relative', 'iso', 'iso-strict', 'rfc', 'short', 'unix'] as const).flatMap(
    (date) => [
      `--date=${date}`,
      ...views.flatMap((name) =>
        VIEWS[name]!(styleOf(undefined, { date })).filter((line) =>
          /Date|Started|ago|2026|\d{10}/.test(line),
        ),
      ),
    ],
  )
  expect(`\n${text.join('\n')}\n`).toMatchSnapshot()
})

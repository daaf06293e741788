import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { createProgress } from '../../../cli/output/progress.ts'
import type { SnapEvent } from '../../../src/index.ts'

/** Shows events, each with the milliseconds since the one before, and returns what was written. */
function show(
  isTerminal: boolean,
  events: readonly (readonly [afterMs: number, event: SnapEvent])[],
  columns = 120,
): { written: string[]; notes: string[] } {
  const written: string[] = []
  const notes: string[] = []
  let nowMs = 1_000_000
  const progress = createProgress({
    write: (text) => written.push(text),
    note: (message) => notes.push(message),
    isTerminal,
    columns: () => columns,
    now: () => new Date(nowMs),
  })
  for (const [afterMs, event] of events) {
    nowMs += afterMs
    progress.report(event)
  }
  progress.clear()
  return { written, notes }
}

const MIB = 1024 ** 2
const rowsOf = (table: string, sizeBytes: number, isDone = false): SnapEvent => ({
  kind: 'tableProgress',
  table,
  rowCount: sizeBytes / 100,
  sizeBytes,
  isDone,
})

test('without a terminal there is one line a phase, and one every five seconds', () => {
  const { written } = show(false, [
    [0, { kind: 'phaseStarted', phase: 'connect' }],
    [10, { kind: 'tablesPlanned', tableCount: 2, estimatedSizeBytes: 100 * MIB }],
    [10, { kind: 'phaseStarted', phase: 'captureRows' }],
    [1000, rowsOf('public.a', 10 * 1024 * 1000)],
    [4000, rowsOf('public.a', 50 * 1024 * 1000, true)],
    [100, rowsOf('public.b', 1024 * 1000)],
  ])
  deepEqual(written, [
    'connecting\n',
    'reading rows\n',
    'reading rows, 1/2 tables, 512,000 rows, 48.8 MiB, 9.8 MiB/s, about 0:06 left\n',
  ])
})

test('on a terminal one line is rewritten at most ten times a second, as wide as there is room, and taken away', () => {
  const { written } = show(
    true,
    [
      [0, { kind: 'phaseStarted', phase: 'verifyObjects' }],
      [50, { kind: 'objectsChecked', objectCount: 1, sizeBytes: 10, totalSizeBytes: 100 }],
      [60, { kind: 'objectsChecked', objectCount: 2, sizeBytes: 20, totalSizeBytes: 100 }],
    ],
    30,
  )
  deepEqual(written, [
    '\r\u001b[2Kverifying objects',
    '\r\u001b[2Kverifying objects, 2 objects',
    '\r\u001b[2K',
  ])
})

test('running totals may be dropped: the last event says everything', () => {
  const last = rowsOf('public.a', 100_000, true)
  const events = [
    [0, { kind: 'phaseStarted', phase: 'loadRows' }],
    [0, rowsOf('public.a', 5_000)],
    [0, rowsOf('public.a', 50_000)],
    [6000, last],
  ] as const
  deepEqual(show(false, events), show(false, [events[0], [6000, last]]))
})

test('whoever holds a lock is named at once, and warnings are told', () => {
  const { notes } = show(false, [
    [0, { kind: 'phaseStarted', phase: 'lockTables' }],
    [
      1,
      {
        kind: 'lockWaiting',
        blockers: [
          {
            pid: 42,
            user: 'app',
            application: '',
            query: 'UPDATE t',
            since: '2026-01-01T00:00:00Z',
            preparedTransaction: null,
          },
        ],
      },
    ],
    [1, { kind: 'warning', code: 'X', subject: 'table public.t', detail: 'has no key' }],
  ])
  deepEqual(notes, [
    'waiting for a lock that pid 42 holds (app, no application name)',
    'warning: table public.t: has no key',
  ])
})

test('in a narrow terminal the phase and the time left stay', () => {
  const events = [
    [0, { kind: 'tablesPlanned', tableCount: 20, estimatedSizeBytes: 1000 * MIB }],
    [0, { kind: 'phaseStarted', phase: 'captureRows' }],
    [10_000, rowsOf('public.a', 100 * MIB)],
  ] as const
  const at = (columns: number) =>
    show(true, events, columns + 1)
      .written.at(-2)
      ?.slice(5)
  deepEqual([80, 60, 40, 20, 8].map(at), [
    'reading rows, 0/20 tables, 1,048,576 rows, 100 MiB, 10.0 MiB/s, about 1:30 left',
    'reading rows, 0/20 tables, 100 MiB, about 1:30 left',
    'reading rows, about 1:30 left',
    'reading rows',
    'reading…',
  ])
})

test('other datastores and packs are told with their rate as well', () => {
  const { written } = show(false, [
    [0, { kind: 'phaseStarted', phase: 'readSources' }],
    [
      5000,
      {
        kind: 'sourceProgress',
        source: 'uploads',
        fileCount: 1200,
        sizeBytes: 50 * MIB,
        isDone: false,
      },
    ],
    [0, { kind: 'phaseStarted', phase: 'removePacks' }],
    [5000, { kind: 'packsEmptied', packCount: 3, sizeBytes: 50 * MIB, totalSizeBytes: 150 * MIB }],
  ])
  deepEqual(written, [
    'reading other datastores\n',
    'reading other datastores, uploads, 1,200 files, 50.0 MiB, 10.0 MiB/s\n',
    'reclaiming space\n',
    'reclaiming space, 3 packs, 50.0 MiB, 10.0 MiB/s, about 0:10 left\n',
  ])
})

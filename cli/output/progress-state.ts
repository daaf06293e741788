/**
 * What the library's events add up to, and its words: a line of text and a whole screen say the same.
 */
import type { Blocker, Phase, SnapEvent } from '../../src/index.ts'
import { printable } from './printable.ts'
import { formatCount, formatQuantity, formatSize, formatTimeLeft } from './units.ts'

const PHASE_TEXTS: Readonly<Record<Phase, string>> = {
  connect: 'connecting',
  lockTables: 'locking tables',
  captureSchema: 'reading schema',
  captureRows: 'reading rows',
  readSources: 'reading other datastores',
  writeCommit: 'writing commit',
  verifyObjects: 'verifying objects',
  safetyCommit: 'committing the live state first',
  renameObjects: 'giving back names',
  dropObjects: 'dropping what differs',
  createObjects: 'creating schema',
  loadRows: 'loading rows',
  createIndexes: 'creating indexes and constraints',
  prove: 'proving equality',
  stageSources: 'writing files beside those there are',
  restoreSources: 'restoring other datastores',
  moveHead: 'moving HEAD',
  fsck: 'checking the store',
  readHistory: 'reading the history',
  markObjects: 'finding what is needed',
  removePacks: 'reclaiming space',
}

export interface TableProgress {
  rowCount: number
  sizeBytes: number
  isDone: boolean
}

/** The phase that runs, and how far it is. */
export interface ProgressState {
  phase: Phase | undefined
  startedAtMs: number
  tableCount: number
  estimatedSizeBytes: number
  /** By name, in the order in which they were begun. */
  tables: Map<string, TableProgress>
  checked: { objectCount: number; sizeBytes: number; totalSizeBytes: number } | undefined
  source: { source: string; fileCount: number; sizeBytes: number } | undefined
}

/** Adds an event. Of the map of tables there is one; it is written to. */
export function foldProgress(
  before: ProgressState | undefined,
  event: SnapEvent,
  nowMs: number,
): ProgressState {
  const state = before ?? newPhase(undefined, nowMs)
  switch (event.kind) {
    case 'phaseStarted':
      return {
        ...newPhase(event.phase, nowMs),
        tableCount: state.tableCount,
        estimatedSizeBytes: state.estimatedSizeBytes,
      }
    case 'tablesPlanned': {
      const { tableCount, estimatedSizeBytes } = event
      return { ...state, tableCount, estimatedSizeBytes }
    }
    case 'tableProgress':
      state.tables.set(event.table, event)
      return state
    case 'objectsChecked':
      return { ...state, checked: event }
    case 'sourceProgress':
      return { ...state, source: event }
    default:
      // What objects cost on disk is said once, by the command's result.
      return state
  }
}

function newPhase(phase: Phase | undefined, startedAtMs: number): ProgressState {
  const none = { tableCount: 0, estimatedSizeBytes: 0, checked: undefined, source: undefined }
  return { ...none, phase, startedAtMs, tables: new Map() }
}

/** What an event says that is no progress: somebody is in the way, something is worth a warning. */
export function describeNews(event: SnapEvent): string[] {
  switch (event.kind) {
    case 'lockWaiting':
      return event.blockers.map((blocker) => `waiting for a lock that ${describeBlocker(blocker)}`)
    case 'sessionTerminated':
      return [`ended the session that ${describeBlocker(event.blocker)}`]
    case 'sourceOutput':
      return [`${printable(event.source)}: ${printable(event.text)}`]
    case 'warning':
      return [`warning: ${printable(event.subject)}: ${printable(event.detail)}`]
    default:
      return []
  }
}

function describeBlocker({ pid, user, application, preparedTransaction }: Blocker): string {
  return preparedTransaction === null
    ? `pid ${pid} holds (${printable(user)}, ${printable(application) || 'no application name'})`
    : `the prepared transaction '${printable(preparedTransaction)}' holds (${printable(user)})`
}

/** `reading rows, 3/18 tables, 1,234 rows, 45.6 MiB, 12.3 MiB/s, about 0:07 left`. */
export function describeProgress(state: ProgressState, nowMs: number): string {
  const parts = state.phase === undefined ? [] : [PHASE_TEXTS[state.phase]]
  const elapsedMs = nowMs - state.startedAtMs
  if (state.source !== undefined) {
    const { source, fileCount, sizeBytes } = state.source
    parts.push(printable(source))
    if (fileCount > 0) parts.push(formatQuantity(fileCount, 'file'))
    parts.push(formatSize(sizeBytes))
  } else if (state.checked !== undefined) {
    const { objectCount, sizeBytes, totalSizeBytes } = state.checked
    parts.push(formatQuantity(objectCount, 'object'), formatSize(sizeBytes))
    parts.push(...rateAndTimeLeft({ sizeBytes, totalSizeBytes, elapsedMs }))
  } else if (state.tables.size > 0) {
    let doneCount = 0
    let rowCount = 0
    let sizeBytes = 0
    for (const table of state.tables.values()) {
      if (table.isDone) doneCount += 1
      rowCount += table.rowCount
      sizeBytes += table.sizeBytes
    }
    const tableCount = Math.max(state.tableCount, state.tables.size)
    parts.push(`${formatCount(doneCount)}/${formatQuantity(tableCount, 'table')}`)
    parts.push(formatQuantity(rowCount, 'row'), formatSize(sizeBytes))
    parts.push(
      ...rateAndTimeLeft({ sizeBytes, totalSizeBytes: state.estimatedSizeBytes, elapsedMs }),
    )
  }
  return parts.join(', ')
}

function rateAndTimeLeft(done: {
  sizeBytes: number
  totalSizeBytes: number
  elapsedMs: number
}): string[] {
  // A rate over less than half a second says more about buffers than about speed.
  if (done.elapsedMs < 500 || done.sizeBytes === 0) return []
  const bytesPerMs = done.sizeBytes / done.elapsedMs
  const parts = [`${formatSize(Math.round(bytesPerMs * 1000))}/s`]
  const leftBytes = done.totalSizeBytes - done.sizeBytes
  if (leftBytes > 0) parts.push(`about ${formatTimeLeft(leftBytes / bytesPerMs)} left`)
  return parts
}

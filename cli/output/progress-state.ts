/**
 * What the library's events add up to, and its words: a line of text and a whole screen say the same.
 */
import stringWidth from 'string-width'
import type { Blocker, Phase, SnapEvent } from '../../src/index.ts'
import { cutToWidth } from './fit-width.ts'
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
  emptied: { packCount: number; sizeBytes: number; totalSizeBytes: number } | undefined
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
    case 'packsEmptied':
      return { ...state, emptied: event }
    case 'sourceProgress':
      return { ...state, source: event }
    default:
      // What objects cost on disk is said once, by the command's result.
      return state
  }
}

function newPhase(phase: Phase | undefined, startedAtMs: number): ProgressState {
  return {
    phase,
    startedAtMs,
    tableCount: 0,
    estimatedSizeBytes: 0,
    tables: new Map(),
    checked: undefined,
    emptied: undefined,
    source: undefined,
  }
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

/** A piece of a line of progress; where there is little room, pieces of the highest rank go first. */
interface Piece {
  text: string
  rank: number
}

/**
 * `reading rows, 3/18 tables, 1,234 rows, 45.6 MiB, 12.3 MiB/s, about 0:07 left`.
 *
 * @param columns  how wide it may be; what then is left says the phase, how far it is and how long it takes
 */
export function describeProgress(
  state: ProgressState,
  nowMs: number,
  columns = Number.POSITIVE_INFINITY,
): string {
  const pieces: Piece[] =
    state.phase === undefined ? [] : [{ text: PHASE_TEXTS[state.phase], rank: 0 }]
  pieces.push(...describeWork(state, nowMs - state.startedAtMs))
  const join = () => pieces.map(({ text }) => text).join(', ')
  while (pieces.length > 1 && stringWidth(join()) > columns) {
    const ranks = pieces.map(({ rank }) => rank)
    pieces.splice(ranks.lastIndexOf(Math.max(...ranks)), 1)
  }
  return cutToWidth(join(), columns)
}

function describeWork(
  { source, checked, emptied, tables, ...rest }: ProgressState,
  elapsedMs: number,
): Piece[] {
  if (source !== undefined) {
    const { fileCount, sizeBytes } = source
    return [
      { text: printable(source.source), rank: 2 },
      ...(fileCount > 0 ? [{ text: formatQuantity(fileCount, 'file'), rank: 3 }] : []),
      // How much there is to read is not known before it is read.
      ...describeAmount({ sizeBytes, totalSizeBytes: 0, elapsedMs }),
    ]
  }
  if (emptied !== undefined) {
    const packs = formatQuantity(emptied.packCount, 'pack')
    return [{ text: packs, rank: 3 }, ...describeAmount({ ...emptied, elapsedMs })]
  }
  if (checked !== undefined) {
    const objects = formatQuantity(checked.objectCount, 'object')
    return [{ text: objects, rank: 3 }, ...describeAmount({ ...checked, elapsedMs })]
  }
  if (tables.size === 0) return []
  let doneCount = 0
  let rowCount = 0
  let sizeBytes = 0
  for (const table of tables.values()) {
    if (table.isDone) doneCount += 1
    rowCount += table.rowCount
    sizeBytes += table.sizeBytes
  }
  const tableCount = Math.max(rest.tableCount, tables.size)
  const totalSizeBytes = rest.estimatedSizeBytes
  return [
    { text: `${formatCount(doneCount)}/${formatQuantity(tableCount, 'table')}`, rank: 2 },
    { text: formatQuantity(rowCount, 'row'), rank: 4 },
    ...describeAmount({ sizeBytes, totalSizeBytes, elapsedMs }),
  ]
}

/** How much is done, how fast, and how long it will take. */
function describeAmount(done: {
  sizeBytes: number
  totalSizeBytes: number
  elapsedMs: number
}): Piece[] {
  const { sizeBytes, totalSizeBytes, elapsedMs } = done
  const amount = { text: formatSize(sizeBytes), rank: 3 }
  // A rate over less than half a second says more about buffers than about speed.
  if (elapsedMs < 500 || sizeBytes === 0) return [amount]
  const bytesPerMs = sizeBytes / elapsedMs
  const leftBytes = totalSizeBytes - sizeBytes
  return [
    amount,
    { text: `${formatSize(Math.round(bytesPerMs * 1000))}/s`, rank: 4 },
    ...(leftBytes > 0
      ? [{ text: `about ${formatTimeLeft(leftBytes / bytesPerMs)} left`, rank: 1 }]
      : []),
  ]
}

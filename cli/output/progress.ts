import type { Blocker, Phase, Reporter, SnapEvent } from '../../src/index.ts'
import { printable } from './printable.ts'
import { formatCount, formatQuantity, formatSize, formatTimeLeft } from './units.ts'

/**
 * Folds the library's events into what a person sees while work runs.
 *
 * On a terminal that is one line, rewritten at most ten times a second;
 * anywhere else a plain line for each phase and then one every five seconds.
 * It keeps no timer: a renderer that outlives its work would hold the process.
 */
export interface Progress {
  report: Reporter
  /** Takes the rewritten line off the screen so that something else can be written. */
  clear(): void
}

export interface ProgressOptions {
  write: (text: string) => void
  /** Called with a whole message to show apart from the running line. */
  note: (message: string) => void
  isTerminal: boolean
  /** Read before every line, because a terminal may be resized. */
  columns: () => number
  now: () => Date
}

const TERMINAL_INTERVAL_MS = 100
const PLAIN_INTERVAL_MS = 5_000

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

interface PhaseState {
  phase: Phase
  startedAtMs: number
  tableCount: number
  estimatedSizeBytes: number
  tables: Map<string, { rowCount: number; sizeBytes: number; isDone: boolean }>
  checked: { objectCount: number; sizeBytes: number; totalSizeBytes: number } | undefined
  source: { source: string; fileCount: number; sizeBytes: number } | undefined
}

export function createProgress(options: ProgressOptions): Progress {
  const intervalMs = options.isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS
  let state: PhaseState | undefined
  let planned = { tableCount: 0, estimatedSizeBytes: 0 }
  let lastDrawnAtMs = Number.NEGATIVE_INFINITY
  let isLineShown = false

  const draw = (nowMs: number) => {
    if (state === undefined) return
    lastDrawnAtMs = nowMs
    const line = describe(state, nowMs)
    if (options.isTerminal) {
      options.write(`\r\u001b[2K${line.slice(0, Math.max(1, options.columns() - 1))}`)
      isLineShown = true
    } else {
      options.write(`${line}\n`)
    }
  }

  const clear = () => {
    if (isLineShown) options.write('\r\u001b[2K')
    isLineShown = false
  }

  const report = (event: SnapEvent) => {
    const nowMs = options.now().getTime()
    switch (event.kind) {
      case 'phaseStarted':
        state = {
          phase: event.phase,
          startedAtMs: nowMs,
          ...planned,
          tables: new Map(),
          checked: undefined,
          source: undefined,
        }
        draw(nowMs)
        return
      case 'tablesPlanned':
        planned = { tableCount: event.tableCount, estimatedSizeBytes: event.estimatedSizeBytes }
        if (state !== undefined) Object.assign(state, planned)
        break
      case 'tableProgress':
        state?.tables.set(event.table, event)
        break
      case 'objectsChecked':
        if (state !== undefined) state.checked = event
        break
      case 'sourceProgress':
        if (state !== undefined) state.source = event
        break
      case 'sourceOutput':
        options.note(`${printable(event.source)}: ${printable(event.text)}`)
        return
      case 'objectsWritten':
        // What it costs on disk is said once, by the command's result.
        break
      case 'lockWaiting':
        for (const blocker of event.blockers) {
          options.note(`waiting for a lock that ${describeBlocker(blocker)}`)
        }
        return
      case 'sessionTerminated':
        options.note(`ended the session that ${describeBlocker(event.blocker)}`)
        return
      case 'warning':
        options.note(`warning: ${printable(event.subject)}: ${printable(event.detail)}`)
        return
    }
    if (nowMs - lastDrawnAtMs >= intervalMs) draw(nowMs)
  }

  return { report, clear }
}

function describeBlocker({ pid, user, application, preparedTransaction }: Blocker): string {
  return preparedTransaction === null
    ? `pid ${pid} holds (${printable(user)}, ${printable(application) || 'no application name'})`
    : `the prepared transaction '${printable(preparedTransaction)}' holds (${printable(user)})`
}

function describe(state: PhaseState, nowMs: number): string {
  const parts = [PHASE_TEXTS[state.phase]]
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

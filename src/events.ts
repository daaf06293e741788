import type { Blocker } from './errors.ts'

/**
 * The seam between the library and whatever shows its progress.
 *
 * Facts with units, no sentences and no percentages. Counters are running
 * totals, so a renderer may drop events and stay right.
 */
export type SnapEvent =
  | { kind: 'phaseStarted'; phase: Phase }
  | { kind: 'tablesPlanned'; tableCount: number; estimatedSizeBytes: number }
  | {
      kind: 'tableProgress'
      /** `namespace.name`, unquoted, for display. */
      table: string
      rowCount: number
      sizeBytes: number
      isDone: boolean
    }
  | { kind: 'lockWaiting'; blockers: readonly Blocker[] }
  | { kind: 'sessionTerminated'; blocker: Blocker }
  | { kind: 'objectsWritten'; objectCount: number; sizeBytes: number; storedSizeBytes: number }
  | { kind: 'objectsChecked'; objectCount: number; sizeBytes: number; totalSizeBytes: number }
  /** Packs that are emptied or removed, of those that a collection is to remove. */
  | { kind: 'packsEmptied'; packCount: number; sizeBytes: number; totalSizeBytes: number }
  | {
      kind: 'sourceProgress'
      source: string
      fileCount: number
      sizeBytes: number
      isDone: boolean
    }
  /** A line of what a dump or restore command says on stderr, without secrets. */
  | { kind: 'sourceOutput'; source: string; text: string }
  | { kind: 'warning'; code: string; subject: string; detail: string }

export type Phase =
  | 'connect'
  | 'lockTables'
  | 'captureSchema'
  | 'captureRows'
  | 'readSources'
  | 'writeCommit'
  | 'verifyObjects'
  | 'safetyCommit'
  | 'renameObjects'
  | 'dropObjects'
  | 'createObjects'
  | 'loadRows'
  | 'createIndexes'
  | 'prove'
  | 'stageSources'
  | 'restoreSources'
  | 'moveHead'
  | 'fsck'
  | 'readHistory'
  | 'markObjects'
  | 'removePacks'

export type Reporter = (event: SnapEvent) => void

/** Hands an event to an observer; what the observer throws cannot break the work. */
export function emit(reporter: Reporter | undefined, event: SnapEvent): void {
  try {
    reporter?.(event)
  } catch {
    // An observer's fault is not the operation's fault.
  }
}

import type { CheckoutPlan, ObjectId } from '../../src/index.ts'
import type { ProgressState } from '../output/progress-state.ts'
import type { ReadableRowChange } from '../output/row-change-text.ts'
import type { Motion } from './scroll.ts'
import type {
  CheckoutScreen,
  CommitDetails,
  DiffScreen,
  ListedOperation,
  LogEntry,
  RowMarks,
  TableName,
  TablePage,
  TerminalSize,
} from './state.ts'

/** What a key, or work that has come to something, does to the state. */
export type Action =
  // what keys do
  | { kind: 'resized'; size: TerminalSize }
  | { kind: 'moved'; motion: Motion }
  | { kind: 'movedColumn'; by: number }
  | { kind: 'againstChanged'; against: ObjectId }
  | { kind: 'helpToggled' }
  | { kind: 'wentBack' }
  | { kind: 'left'; how: 'quit' | 'interrupted' }
  | { kind: 'noticed'; notice: string }
  | { kind: 'typed'; text: string }
  | { kind: 'erased' }
  | { kind: 'typingBegun' }
  | { kind: 'typingEnded'; isKept: boolean }
  | { kind: 'markToggled'; commitId: ObjectId }
  | { kind: 'tabChanged' }
  | { kind: 'reloaded' }
  | { kind: 'opened'; what: Opening }
  | { kind: 'jobBegun'; job: 'fsck' | 'prune' }
  // what work does; of a screen that is gone, nothing
  | { kind: 'failed'; screenId: number; lines: readonly string[] }
  | {
      kind: 'commitsLoaded'
      screenId: number
      reading: number
      entries: readonly LogEntry[]
      isComplete: boolean
    }
  | { kind: 'commitLoaded'; screenId: number; details: CommitDetails; parentId: ObjectId | null }
  | { kind: 'diffProgressed'; screenId: number; progress: string }
  | { kind: 'diffLoaded'; screenId: number; found: NonNullable<DiffScreen['found']> }
  | {
      kind: 'rowsLoaded'
      screenId: number
      changes: readonly ReadableRowChange[]
      isComplete: boolean
    }
  | {
      kind: 'pageLoaded'
      screenId: number
      page: TablePage
      columns: readonly string[]
      rowCount: number
    }
  | { kind: 'marksLoaded'; screenId: number; against: ObjectId; changes: RowMarks }
  | {
      kind: 'planned'
      screenId: number
      plan: CheckoutPlan
      lines: readonly string[]
      stage: Extract<CheckoutScreen['stage'], { kind: 'asking' }>
    }
  | { kind: 'confirmed'; screenId: number }
  | { kind: 'stopped'; screenId: number }
  | { kind: 'progressed'; screenId: number; progress: ProgressState; atMs: number }
  | { kind: 'finished'; screenId: number; lines: readonly string[]; canUndo: boolean }
  | { kind: 'operationsLoaded'; screenId: number; operations: readonly ListedOperation[] }
  | { kind: 'storeLoaded'; screenId: number; lines: readonly string[] }
  | { kind: 'jobProgressed'; screenId: number; progress: string }
  | { kind: 'jobFinished'; screenId: number; lines: readonly string[] }

/** A screen that a key opens on top of the one that is shown. */
export type Opening =
  | { kind: 'commit'; commitId: ObjectId }
  | { kind: 'diff'; before: ObjectId; after: ObjectId | null }
  | {
      kind: 'rows'
      diffScreenId: number
      before: ObjectId
      after: ObjectId | null
      table: TableName
    }
  | { kind: 'table'; commitId: ObjectId; table: TableName; against: ObjectId | null }
  | { kind: 'text'; title: string; lines: readonly string[]; command: string }
  | { kind: 'checkout'; commitId: ObjectId | null }
  | { kind: 'operations' }
  | { kind: 'store' }

/** What a key does beyond the state. */
export type Effect =
  | { kind: 'confirm'; screenId: number }
  | { kind: 'stop'; screenId: number }
  | { kind: 'suspend' }

export type Intent = { action: Action } | { effect: Effect }

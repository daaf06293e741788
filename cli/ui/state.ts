import type {
  CheckoutPlan,
  Commit,
  ObjectId,
  Operation,
  SchemaEntry,
  StateDiff,
  TableChange,
} from '../../src/index.ts'
import type { OperationState } from '../output/operation-text.ts'
import type { ProgressState } from '../output/progress-state.ts'
import type { ReadableRowChange } from '../output/row-change-text.ts'
import type { Scroll } from './scroll.ts'

/**
 * Everything the screen shows, as a value. It is changed by `reduce` alone, and holds
 * neither functions nor open files: what runs is known by the id of the screen that wants it.
 */
export interface UiState {
  size: TerminalSize
  /** The way from the log to the screen that is shown, which is the last. */
  screens: readonly Screen[]
  /** The id of the next screen. */
  nextScreenId: number
  isHelpOpen: boolean
  helpScroll: Scroll
  /** One line about what has just happened; the next key takes it away. */
  notice: string | null
  /** How the program is to end; null while it goes on. */
  leaving: null | 'quit' | 'interrupted'
}

export interface TerminalSize {
  columns: number
  rows: number
}

interface ScreenBase {
  readonly id: number
  scroll: Scroll
  /** Why what it wanted could not be loaded. */
  failure: readonly string[] | null
}

export type Screen =
  | LogScreen
  | CommitScreen
  | DiffScreen
  | RowsScreen
  | TableScreen
  | TextScreen
  | CheckoutScreen
  | OperationsScreen
  | StoreScreen

export interface LogEntry {
  id: ObjectId
  commit: Commit
  names: readonly string[]
  ancestorIds: readonly ObjectId[]
  prunedCount: number
  rowCount: number
  sizeBytes: number
  /** Against the nearest ancestor; null where there is none. */
  rowChange: number | null
  sizeChangeBytes: number
}

export interface LogScreen extends ScreenBase {
  kind: 'log'
  entries: readonly LogEntry[]
  isComplete: boolean
  /** How many commits are wanted; grows as the cursor comes near the end. */
  wantedCount: number
  /** Which reading of the history `entries` are of, and which is wanted: others commit, and HEAD moves. */
  reading: number
  wantedReading: number
  filter: string
  isTyping: boolean
  /** One or two, in the order in which they were marked. */
  marked: readonly ObjectId[]
}

export interface CommitDetails {
  commit: Commit
  names: readonly string[]
  tables: readonly TableChange[]
  schema: readonly SchemaEntry[]
  /** What `snap show` says besides the tables. */
  about: readonly string[]
}

export interface CommitScreen extends ScreenBase {
  kind: 'commit'
  commitId: ObjectId
  /** What the commit's tables are compared with, for highlighting; null for a first commit. */
  parentId: ObjectId | null
  tab: 'tables' | 'schema' | 'about'
  details: CommitDetails | null
}

export interface DiffScreen extends ScreenBase {
  kind: 'diff'
  before: ObjectId
  /** Null for the database as it is now. */
  after: ObjectId | null
  progress: string
  found: { diff: StateDiff; labels: readonly [before: string, after: string] } | null
}

/** The rows of one table that differ, of the comparison that another screen keeps open. */
export interface RowsScreen extends ScreenBase {
  kind: 'rows'
  diffScreenId: number
  before: ObjectId
  after: ObjectId | null
  table: TableName
  changes: readonly ReadableRowChange[]
  isComplete: boolean
  wantedCount: number
}

export interface TableName {
  namespace: string
  name: string
}

export interface TableScreen extends ScreenBase {
  kind: 'table'
  commitId: ObjectId
  table: TableName
  /** The commit whose rows those that changed are told from. */
  against: ObjectId | null
  columns: readonly string[]
  rowCount: number | null
  /** The rows that are on the screen or next to it. */
  page: TablePage | null
  /** How the rows of this commit, as row text, came to be what they are; null until it is known. */
  changes: RowMarks | null
  /** The first column shown. */
  firstColumn: number
}

export interface TablePage {
  firstRow: number
  rows: readonly string[]
}

export interface RowMarks {
  marks: ReadonlyMap<string, 'inserted' | 'updated'>
  deletedCount: number
  /** False where there are more changes than are kept. */
  isComplete: boolean
}

export interface TextScreen extends ScreenBase {
  kind: 'text'
  title: string
  lines: readonly string[]
  /** What prints the same without the screen. */
  command: string
}

export interface CheckoutScreen extends ScreenBase {
  kind: 'checkout'
  /** Null for an undo of the last checkout. */
  commitId: ObjectId | null
  stage:
    | { kind: 'planning' }
    | { kind: 'asking'; needed: 'yes' | 'databaseName'; databaseName: string; question: string }
    | { kind: 'applying' }
    | { kind: 'stopping' }
    | { kind: 'done'; canUndo: boolean }
    | { kind: 'ended' }
  plan: CheckoutPlan | null
  /** The plan in words, then the result. */
  lines: readonly string[]
  typed: string
  progress: ProgressState | null
  progressAtMs: number
}

export interface OperationsScreen extends ScreenBase {
  kind: 'operations'
  operations: readonly ListedOperation[] | null
}

export interface ListedOperation {
  operation: Operation
  state: OperationState
  /** All that is known of it, in words. */
  details: readonly string[]
}

export interface StoreScreen extends ScreenBase {
  kind: 'store'
  lines: readonly string[] | null
  /** What runs, or has run, on it. */
  job: null | { kind: 'fsck' | 'prune'; progress: string; lines: readonly string[] | null }
}

export function initialState(size: TerminalSize): UiState {
  return {
    size,
    screens: [
      {
        kind: 'log',
        id: 1,
        scroll: { cursor: 0, top: 0 },
        failure: null,
        entries: [],
        isComplete: false,
        wantedCount: LOG_PAGE,
        reading: 1,
        wantedReading: 1,
        filter: '',
        isTyping: false,
        marked: [],
      },
    ],
    nextScreenId: 2,
    isHelpOpen: false,
    helpScroll: { cursor: 0, top: 0 },
    notice: null,
    leaving: null,
  }
}

/** Commits that are read at a time. */
export const LOG_PAGE = 200

export function currentScreen(state: UiState): Screen {
  return state.screens.at(-1)!
}

/** What fits between the title and the two lines at the foot. */
export function bodyHeight({ rows }: TerminalSize): number {
  return Math.max(1, rows - 3)
}

/**
 * Finds the rows in which two states of one table differ.
 *
 * Chunks that both states hold cancel unread. The rows of the others are read
 * once, a little of each side in turn, and equal rows cancel as multisets as
 * they meet; what is left was deleted, inserted or, where a key pairs the two,
 * updated. Rows are compared as text, byte for byte: there is no hash that two
 * different rows could share.
 *
 * Memory holds the rows that have not met their equal yet, up to a budget. Past
 * it they go to files of a scratch directory, split by a hash of their key, and
 * the parts are compared one by one: every row is then written and read once
 * more, whatever the size of the difference. Only a single key or text with more
 * rows than the budget holds (a table without key that gained millions of rows
 * with the same long text) takes memory beyond it: 8 bytes a row.
 */
import { throwIfAborted } from '../errors.ts'
import { splitFields } from '../format/copy-text.ts'
import { type ChunkDiff, diffChunks, listChunkGroups, type RowStream } from './chunk-diff.ts'
import { compareColumns, isSameTextSameRow, type RowView, viewRows } from './column-comparison.ts'
import { readRowBatches } from './read-rows.ts'
import { RowSpill, spillPath } from './row-spill.ts'

/** The rows of a table at one time, and what their fields are called. */
export interface TableState extends RowStream {
  /** In the order of the fields. */
  columns: readonly string[]
}

/** One row that differs, as row text (`format/copy-text.ts`), in the fields of its own side. */
export type RowChange =
  | { kind: 'deleted'; before: string }
  | { kind: 'inserted'; after: string }
  | {
      kind: 'updated'
      before: string
      after: string
      /** Those of the common columns whose values differ. */
      columns: string[]
    }

export interface RowDiffOptions {
  /** Columns that are unique and not null in both states; without them no row counts as updated. */
  keyColumns?: readonly string[] | undefined
  /** An existing directory for rows that do not fit into memory; nothing stays in it. */
  scratchDirectory: string
  /** What rows that have not met their equal may take. Default 96 MiB. */
  memoryBudgetBytes?: number | undefined
  signal?: AbortSignal | undefined
}

const DEFAULT_MEMORY_BUDGET_BYTES = 96 * 1024 * 1024

/**
 * Yields every row that was deleted, inserted or updated, each once.
 *
 * Rows are compared in the columns that both states have, by name; where the
 * sets differ (`compareColumns` says how), a row that changed in no common
 * column counts as unchanged. Deleted and updated rows come in their order
 * before, then inserted rows in theirs; of large differences, part by part. A
 * row whose key was written in another way (`1.0`, `1.00`) is deleted and
 * inserted. Applying all deletions first is always right.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT  a chunk cannot be read
 * @throws FORMAT_UNSUPPORTED              a row has more than 512 MiB of COPY text
 * @throws ABORTED                         the signal was aborted
 */
export async function* diffRows(
  before: TableState,
  after: TableState,
  options: RowDiffOptions,
): AsyncGenerator<RowChange> {
  const { common } = compareColumns(before.columns, after.columns)
  const keyColumns = options.keyColumns?.every((name) => common.includes(name))
    ? options.keyColumns
    : undefined
  const chunks = await differingChunks(before, after)
  yield* compareRows(
    {
      before: readRowBatches(before.objects, chunks.before),
      after: readRowBatches(after.objects, chunks.after),
    },
    {
      options,
      views: viewRows(before.columns, after.columns, keyColumns),
      describeUpdate: describeUpdates(before.columns, after.columns, common),
    },
    { depth: 0, serial: `${nextSerial++}` },
  )
}

let nextSerial = 1

/** Counts of a table's differing rows; without a key, updated rows count as deleted and inserted. */
export interface RowCounts {
  deleted: number
  inserted: number
  updated: number
}

/** Counts what `diffRows` yields. */
export async function countRowChanges(changes: AsyncIterable<RowChange>): Promise<RowCounts> {
  const counts: RowCounts = { deleted: 0, inserted: 0, updated: 0 }
  for await (const { kind } of changes) counts[kind]++
  return counts
}

/** Equal chunks hold equal rows only where equal text means equal values. */
async function differingChunks(before: TableState, after: TableState): Promise<ChunkDiff> {
  if (isSameTextSameRow(before.columns, after.columns)) return diffChunks(before, after)
  return { before: await listChunkGroups(before), after: await listChunkGroups(after) }
}

type SideName = 'before' | 'after'

interface Sources {
  before: AsyncGenerator<string[]>
  after: AsyncGenerator<string[]>
}

interface Comparison {
  options: RowDiffOptions
  views: Record<SideName, RowView>
  describeUpdate: (before: string, after: string) => string[]
}

/** How often rows have been split into parts, and what tells the files of this part from others. */
interface Part {
  depth: number
  serial: string
}

/** 32^4 parts of the budget are some 100 TB; what is still too large then is one key's. */
const MAX_DEPTH = 4

async function* compareRows(
  sources: Sources,
  comparison: Comparison,
  part: Part,
): AsyncGenerator<RowChange> {
  const { options, views } = comparison
  const budgetBytes = options.memoryBudgetBytes ?? DEFAULT_MEMORY_BUDGET_BYTES
  const pending = { before: new PendingRows(), after: new PendingRows() }
  const before = new RowQueue(sources.before, views.before)
  const after = new RowQueue(sources.after, views.after)
  try {
    for (;;) {
      throwIfAborted(options.signal, 'comparison')
      const [hasBefore, hasAfter] = [await before.fill(), await after.fill()]
      if (hasBefore && hasAfter) cancelInStep(before, after, pending)
      else if (hasBefore) while (before.hasNext) takeOne(before, pending.before, pending.after)
      else if (hasAfter) while (after.hasNext) takeOne(after, pending.after, pending.before)
      else break

      const isOverBudget = pending.before.sizeBytes + pending.after.sizeBytes > budgetBytes
      if (isOverBudget && part.depth < MAX_DEPTH) {
        for (const [queue, own, other] of [
          [before, pending.before, pending.after],
          [after, pending.after, pending.before],
        ] as const) {
          while (queue.hasNext) takeOne(queue, own, other)
        }
        yield* compareInParts(pending, sources, comparison, part)
        return
      }
    }
    yield* pairByKey(pending, comparison)
  } finally {
    await sources.before.return(undefined)
    await sources.after.return(undefined)
  }
}

/** The rows of one side that have been read and not been looked at. */
class RowQueue {
  #rows: string[] = []
  #texts: string[] = []
  #next = 0
  readonly #source: AsyncGenerator<string[]>
  readonly #view: RowView

  constructor(source: AsyncGenerator<string[]>, view: RowView) {
    this.#source = source
    this.#view = view
  }

  get hasNext(): boolean {
    return this.#next < this.#rows.length
  }

  /** The compared text of the next row. */
  get text(): string {
    return this.#texts[this.#next]!
  }

  /** Reads on unless a row is left; false at the end. */
  async fill(): Promise<boolean> {
    while (!this.hasNext) {
      const batch = await this.#source.next()
      if (batch.done) return false
      this.#rows = batch.value
      this.#texts = batch.value.map(this.#view.comparedText)
      this.#next = 0
    }
    return true
  }

  /** Moves on and returns the row that was next. */
  take(): string {
    return this.#rows[this.#next++]!
  }

  /** How many rows stand before one of that text, if it is among the next few. */
  findAhead(text: string): number | undefined {
    const end = Math.min(this.#next + MAX_LOOKAHEAD_ROWS, this.#texts.length)
    for (let position = this.#next + 1; position < end; position++) {
      if (this.#texts[position] === text) return position - this.#next
    }
    return undefined
  }
}

/** Rows that were updated leave gaps; most are a row or two wide. */
const MAX_LOOKAHEAD_ROWS = 8

/**
 * Goes through both queues until one is empty.
 *
 * Two states of a table have most of their rows in the same order, so mostly the
 * next rows are equal and need no look-up (measured on 3 million rows of which
 * 1 % were updated: half the time). Where they are not, the side that has
 * rows the other does not is moved on, to bring the two into step again.
 */
function cancelInStep(
  before: RowQueue,
  after: RowQueue,
  pending: Record<SideName, PendingRows>,
): void {
  while (before.hasNext && after.hasNext) {
    if (before.text === after.text) {
      before.take()
      after.take()
    } else if (pending.after.cancel(before.text)) {
      before.take()
    } else if (pending.before.cancel(after.text)) {
      after.take()
    } else {
      const gapBefore = before.findAhead(after.text)
      const gapAfter = gapBefore === undefined ? after.findAhead(before.text) : undefined
      for (let i = 0; i < (gapBefore ?? 0); i++) takeOne(before, pending.before, pending.after)
      for (let i = 0; i < (gapAfter ?? 0); i++) takeOne(after, pending.after, pending.before)
      if (gapBefore !== undefined || gapAfter !== undefined) continue
      takeOne(before, pending.before, pending.after)
      takeOne(after, pending.after, pending.before)
    }
  }
}

/** Cancels the next row with one of the other side that waits for it, or lets it wait. */
function takeOne(queue: RowQueue, own: PendingRows, other: PendingRows): void {
  const { text } = queue
  const rowText = queue.take()
  if (!other.cancel(text)) own.add(text, rowText)
}

async function* compareInParts(
  pending: Record<SideName, PendingRows>,
  sources: Sources,
  comparison: Comparison,
  { depth, serial }: Part,
): AsyncGenerator<RowChange> {
  const { options, views } = comparison
  const spills = {
    before: new RowSpill(spillPath(options.scratchDirectory, 'before', serial), depth),
    after: new RowSpill(spillPath(options.scratchDirectory, 'after', serial), depth),
  }
  try {
    for (const side of ['before', 'after'] as const) {
      const { comparedText, keyText = comparedText } = views[side]
      for (const rowText of pending[side].drain()) {
        const isFull = spills[side].add(rowText, keyText(rowText))
        if (isFull) await spills[side].flush()
      }
      for await (const batch of sources[side]) {
        throwIfAborted(options.signal, 'comparison')
        for (const rowText of batch) spills[side].add(rowText, keyText(rowText))
        await spills[side].flush()
      }
    }
    for (let position = 0; position < RowSpill.partitionCount; position++) {
      yield* compareRows(
        { before: spills.before.drain(position), after: spills.after.drain(position) },
        comparison,
        { depth: depth + 1, serial: `${serial}.${position}` },
      )
    }
  } finally {
    await spills.before.close()
    await spills.after.close()
  }
}

function* pairByKey(
  pending: Record<SideName, PendingRows>,
  { views, describeUpdate }: Comparison,
): Generator<RowChange> {
  const { keyText: keyBefore } = views.before
  const { keyText: keyAfter } = views.after
  if (keyBefore === undefined || keyAfter === undefined) {
    for (const before of pending.before.drain()) yield { kind: 'deleted', before }
    for (const after of pending.after.drain()) yield { kind: 'inserted', after }
    return
  }
  const inserted = new Map<string, string>()
  for (const after of pending.after.drain()) {
    const key = keyAfter(after)
    // Not a key after all; every row still has to come out once.
    if (inserted.has(key)) yield { kind: 'inserted', after }
    else inserted.set(key, after)
  }
  for (const before of pending.before.drain()) {
    const key = keyBefore(before)
    const after = inserted.get(key)
    if (after === undefined) {
      yield { kind: 'deleted', before }
    } else {
      inserted.delete(key)
      yield { kind: 'updated', before, after, columns: describeUpdate(before, after) }
    }
  }
  for (const after of inserted.values()) yield { kind: 'inserted', after }
}

function describeUpdates(
  columnsBefore: readonly string[],
  columnsAfter: readonly string[],
  common: readonly string[],
): Comparison['describeUpdate'] {
  const positions = common.map((name) => ({
    name,
    before: columnsBefore.indexOf(name),
    after: columnsAfter.indexOf(name),
  }))
  return (before, after) => {
    const [fieldsBefore, fieldsAfter] = [splitFields(before), splitFields(after)]
    return positions
      .filter((position) => fieldsBefore[position.before] !== fieldsAfter[position.after])
      .map(({ name }) => name)
  }
}

/** What a row costs in memory besides its characters: two strings' heads, a list, a place in the map. */
const ROW_OVERHEAD_BYTES = 160

/** The rows of one side that have not met their equal, in the order in which they came. */
class PendingRows {
  sizeBytes = 0
  readonly #rows = new Map<string, string[]>()

  add(text: string, rowText: string): void {
    const twins = this.#rows.get(text)
    if (twins === undefined) {
      this.#rows.set(text, [rowText])
      this.sizeBytes += costOf(rowText)
    } else {
      // The same string again, and not another of the same characters.
      twins.push(twins[0] === rowText ? twins[0] : rowText)
      this.sizeBytes += twins[0] === rowText ? 8 : costOf(rowText)
    }
  }

  /** Removes one row of that text, if there is one. */
  cancel(text: string): boolean {
    const twins = this.#rows.get(text)
    if (twins === undefined) return false
    const rowText = twins.pop()!
    if (twins.length === 0) this.#rows.delete(text)
    this.sizeBytes -= twins[0] === rowText ? 8 : costOf(rowText)
    return true
  }

  /** Hands the rows out and forgets them. */
  *drain(): Generator<string> {
    for (const [text, twins] of this.#rows) {
      this.#rows.delete(text)
      yield* twins
    }
    this.sizeBytes = 0
  }
}

const costOf = (rowText: string) => rowText.length + ROW_OVERHEAD_BYTES

/**
 * Walks the rows of both sides and tells which were deleted, inserted or updated.
 *
 * Two states of a table have most of their rows in the same order, so mostly the
 * next rows are equal, or of the same key, and need no look-up. Rows that are not
 * wait in memory, up to a budget, until they meet their counterpart. Past it the
 * oldest go to files, split by their hash, and at the end the parts are compared
 * one by one: only rows that are out of step are ever written and read once more.
 * Only more rows of a single hash than the budget holds take memory beyond it.
 */
import { throwIfAborted } from '../errors.ts'
import { PendingRows } from './pending-rows.ts'
import type { RowBatch } from './row-batch.ts'
import type { RowComparer, SideName } from './row-comparer.ts'
import { RowCursor } from './row-cursor.ts'
import { RowSpill, spillPath } from './row-spill.ts'

/** Takes each row that differs; what it does with the bytes it has to do before it returns. */
export interface RowChangeSink {
  deleted(before: Uint8Array, start: number, end: number): void
  inserted(after: Uint8Array, start: number, end: number): void
  updated(
    before: Uint8Array,
    beforeStart: number,
    beforeEnd: number,
    after: Uint8Array,
    afterStart: number,
    afterEnd: number,
  ): void
}

export interface RowMatching {
  comparer: RowComparer
  sink: RowChangeSink
  scratchDirectory: string
  memoryBudgetBytes: number
  signal: AbortSignal | undefined
}

export interface RowSources {
  before: AsyncGenerator<RowBatch>
  after: AsyncGenerator<RowBatch>
}

/** How often rows have been split into parts, and what tells the files of this part from others. */
interface Part {
  depth: number
  serial: string
}

/** 32^4 parts of the budget are some 100 TB; what is still too large then is one hash's. */
const MAX_DEPTH = 4

let nextSerial = 1

/**
 * Compares all rows. Yields every so often, so that the sink can be emptied meanwhile.
 *
 * @throws what the sources throw, and ABORTED
 */
export function matchRows(sources: RowSources, matching: RowMatching): AsyncGenerator<void> {
  return matchPart(sources, matching, { depth: 0, serial: `${nextSerial++}` })
}

async function* matchPart(
  sources: RowSources,
  matching: RowMatching,
  part: Part,
): AsyncGenerator<void> {
  const matcher = new PartMatcher(sources, matching, part)
  try {
    yield* matcher.run()
  } finally {
    await matcher.close()
  }
}

class PartMatcher {
  readonly #matching: RowMatching
  readonly #part: Part
  readonly #cursors: Readonly<Record<SideName, RowCursor>>
  readonly #pending: Readonly<Record<SideName, PendingRows>>
  #spills: Readonly<Record<SideName, RowSpill>> | undefined
  /** Out of step for so many rows that looking ahead does not pay; see `#moveIntoStep`. */
  #missedSteps = 0
  /** Since rows were last evicted: how many began to wait, and how many met a row that waited. */
  #waitedCount = 0
  #metCount = 0
  #isWaitingWorthwhile = true

  constructor(sources: RowSources, matching: RowMatching, part: Part) {
    const { comparer } = matching
    this.#matching = matching
    this.#part = part
    this.#cursors = {
      before: new RowCursor(sources.before, comparer, 'before'),
      after: new RowCursor(sources.after, comparer, 'after'),
    }
    this.#pending = {
      before: new PendingRows(comparer, 'before'),
      after: new PendingRows(comparer, 'after'),
    }
  }

  async *run(): AsyncGenerator<void> {
    const { signal } = this.#matching
    const { before, after } = this.#cursors
    for (;;) {
      throwIfAborted(signal, 'comparison')
      const hasBefore = await before.fill()
      if (hasBefore && this.#isSpilled) {
        // What was spilled is out of step: one side waits as a whole, so that only the other looks it up.
        while (before.hasRow) this.#wait('before', before)
      } else {
        const hasAfter = await after.fill()
        if (hasBefore && hasAfter && !this.#matching.comparer.isNeverEqual) this.#matchInStep()
        else if (hasBefore) yield* this.#matchRest('before')
        else if (hasAfter) yield* this.#matchRest('after')
        else break
      }
      yield
      await this.#keepWithinBudget()
    }
    if (this.#spills === undefined) {
      yield* this.#drain('before')
      yield* this.#drain('after')
    } else {
      yield* this.#matchParts(this.#spills)
    }
  }

  get #isSpilled(): boolean {
    return this.#part.depth > 0
  }

  async close(): Promise<void> {
    for (const side of SIDES) {
      await this.#cursors[side].close()
      await this.#spills?.[side].close()
    }
  }

  /** Goes through both batches until one has no more rows. */
  #matchInStep(): void {
    const { comparer, sink } = this.#matching
    const { before, after } = this.#cursors
    while (before.hasRow && after.hasRow) {
      const isEqual = comparer.isEqual(
        before.bytes,
        before.start,
        before.end,
        after.bytes,
        after.start,
        after.end,
      )
      if (isEqual) {
        before.next()
        after.next()
      } else if (
        comparer.isKeyed &&
        this.#isPairAt(before.start, before.end, after.start, after.end)
      ) {
        sink.updated(before.bytes, before.start, before.end, after.bytes, after.start, after.end)
        before.next()
        after.next()
      } else {
        this.#moveIntoStep()
      }
    }
  }

  /**
   * Moves on the side that has rows the other does not have here.
   *
   * Rows that were updated or deleted leave gaps; most are a row or two wide.
   * Where rows are in another order altogether, none is found ahead, and it is
   * seldom looked for.
   */
  #moveIntoStep(): void {
    const { before, after } = this.#cursors
    if (this.#meet('before')) return
    if (this.#meet('after')) return
    if (this.#missedSteps < MAX_MISSED_STEPS || this.#missedSteps % MAX_MISSED_STEPS === 0) {
      const gap = this.#findGap()
      if (gap !== undefined) {
        this.#missedSteps = 0
        const cursor = gap.side === 'before' ? before : after
        for (let i = 0; i < gap.rowCount; i++) this.#takeOne(gap.side, cursor)
        return
      }
    }
    this.#missedSteps++
    this.#wait('before', before)
    this.#wait('after', after)
  }

  /** How many rows of which side stand before one that pairs with the other side's. */
  #findGap(): { side: SideName; rowCount: number } | undefined {
    const { before, after } = this.#cursors
    const [aheadBefore, aheadAfter] = [before, after].map((each) => each.countAhead(LOOKAHEAD_ROWS))
    for (let rows = 1; rows < aheadBefore!; rows++) {
      const start = before.endAhead(rows - 1) + 1
      if (this.#isPairAt(start, before.endAhead(rows), after.start, after.end)) {
        return { side: 'before', rowCount: rows }
      }
    }
    for (let rows = 1; rows < aheadAfter!; rows++) {
      const start = after.endAhead(rows - 1) + 1
      if (this.#isPairAt(before.start, before.end, start, after.endAhead(rows))) {
        return { side: 'after', rowCount: rows }
      }
    }
    return undefined
  }

  #isPairAt(beforeStart: number, beforeEnd: number, afterStart: number, afterEnd: number): boolean {
    const { before, after } = this.#cursors
    return this.#matching.comparer.isPair(
      before.bytes,
      beforeStart,
      beforeEnd,
      after.bytes,
      afterStart,
      afterEnd,
    )
  }

  /** Goes on with one side when the other has ended. */
  async *#matchRest(side: SideName): AsyncGenerator<void> {
    const { comparer, sink } = this.#matching
    const cursor = this.#cursors[side]
    if (this.#spills === undefined && !comparer.isNeverEqual) yield* this.#drain(side)
    const hasOthers = !this.#pending[OTHER[side]].isEmpty
    while (cursor.hasRow) {
      if (this.#spills !== undefined) {
        this.#takeOne(side, cursor)
        continue
      }
      // No row of the other side will come any more.
      if (hasOthers && this.#meet(side)) continue
      sink[side === 'before' ? 'deleted' : 'inserted'](cursor.bytes, cursor.start, cursor.end)
      cursor.next()
    }
  }

  #takeOne(side: SideName, cursor: RowCursor): void {
    if (!this.#meet(side)) this.#wait(side, cursor)
  }

  /** Pairs the next row with one of the other side that waits for it; false when none does. */
  #meet(side: SideName): boolean {
    const { comparer } = this.#matching
    const others = this.#pending[OTHER[side]]
    if (others.isEmpty) return false
    const { bytes, start, end, hash } = this.#cursors[side]
    const address = others.find(bytes, start, end, hash)
    if (address === undefined) return false
    const { foundBytes, foundStart, foundEnd } = others
    // Without a key the two are equal altogether.
    if (comparer.isKeyed && side === 'before') {
      this.#tellUpdate(bytes, start, end, foundBytes, foundStart, foundEnd)
    } else if (comparer.isKeyed) {
      this.#tellUpdate(foundBytes, foundStart, foundEnd, bytes, start, end)
    }
    others.remove(address)
    this.#metCount++
    this.#cursors[side].next()
    return true
  }

  #tellUpdate(
    before: Uint8Array,
    beforeStart: number,
    beforeEnd: number,
    after: Uint8Array,
    afterStart: number,
    afterEnd: number,
  ): void {
    const { comparer, sink } = this.#matching
    const isEqual = comparer.isEqual(before, beforeStart, beforeEnd, after, afterStart, afterEnd)
    if (!isEqual) sink.updated(before, beforeStart, beforeEnd, after, afterStart, afterEnd)
  }

  #wait(side: SideName, cursor: RowCursor): void {
    const { bytes, start, end, hash } = cursor
    if (this.#spills !== undefined && !this.#isWaitingWorthwhile) {
      this.#spills[side].add(bytes, start, end, 1, hash)
    } else {
      this.#pending[side].add(bytes, start, end, hash)
      this.#waitedCount++
    }
    cursor.next()
  }

  /** Hands out what has waited in vain. */
  *#drain(side: SideName): Generator<void> {
    const { sink } = this.#matching
    const visit = (bytes: Uint8Array, start: number, end: number, count: number) => {
      for (let i = 0; i < count; i++) {
        sink[side === 'before' ? 'deleted' : 'inserted'](bytes, start, end)
      }
    }
    while (this.#pending[side].drainBlock(visit)) yield
  }

  /**
   * Those that have waited longest are the least likely to meet their counterpart soon. Where few
   * have met at all, the sides are in different orders, and from then on nothing waits in memory.
   */
  async #keepWithinBudget(): Promise<void> {
    const { memoryBudgetBytes } = this.#matching
    const { before, after } = this.#pending
    if (this.#part.depth === MAX_DEPTH) return
    if (before.sizeBytes + after.sizeBytes > memoryBudgetBytes) {
      this.#isWaitingWorthwhile = this.#metCount * MIN_WAITED_PER_MET >= this.#waitedCount
      this.#metCount = 0
      this.#waitedCount = 0
      for (const side of SIDES) {
        await this.#evict(side, this.#isWaitingWorthwhile ? this.#pending[side].sizeBytes / 2 : 0)
      }
    }
    for (const side of SIDES) await this.#spills?.[side].flush()
  }

  async #evict(side: SideName, downToBytes: number): Promise<void> {
    const { depth, serial } = this.#part
    const newSpill = (each: SideName) =>
      new RowSpill(spillPath(this.#matching.scratchDirectory, each, serial), depth)
    this.#spills ??= { before: newSpill('before'), after: newSpill('after') }
    const spill = this.#spills[side]
    const pending = this.#pending[side]
    const add = spill.add.bind(spill)
    while (pending.sizeBytes > downToBytes && pending.drainBlock(add)) await spill.flush()
    pending.endEviction()
  }

  async *#matchParts(spills: Readonly<Record<SideName, RowSpill>>): AsyncGenerator<void> {
    for (const side of SIDES) await this.#evict(side, 0)
    const { depth, serial } = this.#part
    for (let position = 0; position < RowSpill.partitionCount; position++) {
      yield* matchPart(
        { before: spills.before.drain(position), after: spills.after.drain(position) },
        this.#matching,
        { depth: depth + 1, serial: `${serial}.${position}` },
      )
    }
  }
}

const SIDES = ['before', 'after'] as const
const OTHER = { before: 'after', after: 'before' } as const

const LOOKAHEAD_ROWS = 8
const MAX_MISSED_STEPS = 64
const MIN_WAITED_PER_MET = 4

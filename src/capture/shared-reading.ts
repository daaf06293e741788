/**
 * Lets connections that have nothing else to read help with the tables that are read by ranges.
 *
 * Each table has one owner, the connection that took it from the queue; it reads ranges too, so a table
 * is read whether or not anybody helps. Others come when no table is left to take, and only where
 * they get the table's lock without waiting.
 */
import type { Session } from '../postgres/session.ts'
import type { BlockRange } from './block-ranges.ts'
import { copyRangeStatement } from './copy-out-statement.ts'
import type { Relation } from './list-relations.ts'
import { RangeReading, ReadAhead } from './range-reading.ts'

export class SharedReading {
  readonly #ahead = new ReadAhead()
  readonly #open = new Map<RangeReading<Session>, Relation>()
  readonly #lockAtOnce: (session: Session, table: Relation) => Promise<boolean>
  #ownerCount = 0

  /** @param lockAtOnce  takes the lock that COPY needs, or returns false */
  constructor(lockAtOnce: (session: Session, table: Relation) => Promise<boolean>) {
    this.#lockAtOnce = lockAtOnce
  }

  /** Runs what takes tables from the queue and reads them, until there are none; then helps others. */
  async work(session: Session, readOwn: () => Promise<void>): Promise<void> {
    this.#ownerCount++
    try {
      await readOwn()
    } finally {
      this.#ownerCount--
      this.#ahead.tell()
    }
    await this.#help(session)
  }

  /**
   * Has ranges of a table read by the session that owns it and by whoever comes to help.
   *
   * `consume` takes the rows of all ranges, in order. When it has, or has failed, nobody reads any more.
   */
  async read<T>(
    session: Session,
    table: Relation,
    ranges: readonly BlockRange[],
    consume: (reading: RangeReading<Session>) => Promise<T>,
  ): Promise<T> {
    const reading = new RangeReading<Session>(
      ranges,
      (reader, range) => reader.copyOut(copyRangeStatement(table, range)),
      this.#ahead,
    )
    this.#open.set(reading, table)
    this.#ahead.tell()
    const own = reading.help(session)
    try {
      return await consume(reading)
    } finally {
      reading.stop()
      this.#open.delete(reading)
      await own
    }
  }

  /** Has the reading of all tables fail. */
  fail(error: unknown): void {
    for (const reading of this.#open.keys()) reading.fail(error)
  }

  async #help(session: Session): Promise<void> {
    try {
      for (let reading = await this.#find(session); reading; reading = await this.#find(session)) {
        await reading.help(session)
      }
    } catch (error) {
      this.fail(error)
      throw error
    }
  }

  /** Waits for a table that can be helped with; returns none when nobody reads any more. */
  async #find(session: Session): Promise<RangeReading<Session> | undefined> {
    const refused = new Set<RangeReading<Session>>()
    for (;;) {
      const [next] = [...this.#open]
        .filter(([reading]) => reading.untakenCount > 0 && !refused.has(reading))
        .sort(([a], [b]) => b.untakenCount - a.untakenCount)
      if (next !== undefined) {
        const [reading, table] = next
        if (await this.#lockAtOnce(session, table)) return reading
        refused.add(reading)
      } else if (this.#ownerCount === 0) {
        return undefined
      } else {
        await this.#ahead.changed()
      }
    }
  }
}

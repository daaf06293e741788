/**
 * The log of what was done with a store: every commit, checkout, undo, run.
 *
 * An operation is up to three records, each created once and never changed. The
 * first is durable before the operation does anything, so that one which was
 * killed is seen to have begun; creating it takes the number. The second names
 * the commit of the state before, and is durable before anything in the
 * database is changed. The third says how it ended.
 *
 * The log names commits and keeps none of them: retention may remove them.
 */
import type { Backend } from '../backend/backend.ts'
import { isSnapError, SnapError } from '../errors.ts'
import {
  decodeOperationRecord,
  encodeOperationRecord,
  type OperationEnd,
  type OperationKept,
  type OperationRecordName,
  type OperationRecords,
  type OperationStart,
} from '../format/operation-record.ts'
import type { HeadValue } from '../format/ref-record.ts'
import type { ObjectId } from '../format/values.ts'
import { hasEnded, type ProcessIdentity, thisProcess } from '../maintenance/process-identity.ts'
import { OPERATIONS_PREFIX, operationRecordKey, parseOperationRecordKey } from './operation-key.ts'
import { redactArguments } from './redact-arguments.ts'

/** One operation, as its records tell it. */
export interface Operation {
  number: number
  start: OperationStart
  /** Null while, or because, the state before is not known to be kept. */
  kept: OperationKept | null
  /** Null while it goes on, and for ever when its process was killed. */
  end: OperationEnd | null
}

export interface NewOperation {
  command: string
  /** As typed; secrets are cut here. */
  arguments: readonly string[]
  /** `describeAddress` of the database it works on. */
  database?: string | undefined
  withinNumber?: number | undefined
  user: string
  at: Date
  /** Default: this process. */
  process?: ProcessIdentity | undefined
}

export type OperationOutcome = Omit<OperationEnd, 'number' | 'finishedAt'> & { at: Date }

/** An operation that goes on, to be told how. */
export interface OpenOperation {
  readonly number: number
  /**
   * Says which commit holds the state before; durable on return. The first call counts.
   *
   * @throws BACKEND_*  then nothing may be changed
   */
  keep(kept: { commitId: ObjectId; head: HeadValue; at: Date }): Promise<void>
  /** Says how it ended; durable on return. The first call counts. @throws BACKEND_* */
  finish(outcome: OperationOutcome): Promise<void>
}

export class OperationLog {
  readonly #backend: Backend

  constructor(backend: Backend) {
    this.#backend = backend
  }

  /**
   * Begins an operation under the next free number; durable on return.
   *
   * @throws BACKEND_READ_ONLY, BACKEND_FULL, BACKEND_UNAVAILABLE  then it must not be begun
   */
  async begin(operation: NewOperation): Promise<OpenOperation> {
    const { at, process, database, withinNumber, ...rest } = operation
    const identity = process ?? (await thisProcess())
    for (let number = (await this.#newestNumber()) + 1; ; number++) {
      const start: OperationStart = {
        ...rest,
        ...identity,
        number,
        arguments: redactArguments(operation.arguments),
        database: database ?? null,
        withinNumber: withinNumber ?? null,
        startedAt: at.toISOString(),
      }
      // Of two who take a number at once, the other goes on to the next.
      if ((await this.#create('start', start)) === 'created') return this.#open(number)
    }
  }

  /** Returns the operation of that number, or `undefined`. @throws STORE_CORRUPT */
  async find(number: number): Promise<Operation | undefined> {
    const start = await this.#findRecord(number, 'start')
    if (start === undefined) return undefined
    const kept = (await this.#findRecord(number, 'kept')) ?? null
    const end = (await this.#findRecord(number, 'end')) ?? null
    return { number, start, kept, end }
  }

  /** As `find`. @throws OPERATION_UNKNOWN  there is none of that number */
  async read(number: number): Promise<Operation> {
    const operation = await this.find(number)
    if (operation !== undefined) return operation
    throw new SnapError(
      'OPERATION_UNKNOWN',
      `there is no operation ${number}`,
      { number },
      { hint: "run 'snap ops' to list them" },
    )
  }

  /** Yields every operation, newest first. @throws STORE_CORRUPT  when it comes to a damaged record */
  async *list(): AsyncIterable<Operation> {
    const numbers = await this.#listNumbers()
    for (const number of numbers.toReversed()) {
      const operation = await this.find(number)
      if (operation !== undefined) yield operation
    }
  }

  #open(number: number): OpenOperation {
    return {
      number,
      keep: async ({ commitId, head, at }) => {
        await this.#create('kept', { number, commitId, head, keptAt: at.toISOString() })
      },
      finish: async ({ at, ...outcome }) => {
        await this.#create('end', { ...outcome, number, finishedAt: at.toISOString() })
      },
    }
  }

  #create<N extends OperationRecordName>(
    name: N,
    record: OperationRecords[N],
  ): Promise<'created' | 'exists'> {
    const bytes = encodeOperationRecord(name, record)
    return this.#backend.create(operationRecordKey(record.number, name), [bytes])
  }

  async #findRecord<N extends OperationRecordName>(
    number: number,
    name: N,
  ): Promise<OperationRecords[N] | undefined> {
    const key = operationRecordKey(number, name)
    let bytes: Uint8Array
    try {
      bytes = await this.#backend.read(key)
    } catch (error) {
      if (isSnapError(error, 'BACKEND_KEY_MISSING')) return undefined
      throw error
    }
    const record = decodeOperationRecord(name, bytes, key)
    if (record.number === number) return record
    throw new SnapError(
      'STORE_CORRUPT',
      `'${key}' holds operation ${record.number}`,
      { key, expected: `operation ${number}`, found: `operation ${record.number}` },
      { hint: "run 'snap fsck' to list what else is affected" },
    )
  }

  async #newestNumber(): Promise<number> {
    return (await this.#listNumbers()).at(-1) ?? 0
  }

  /** Ascending: keys are listed so. */
  async #listNumbers(): Promise<number[]> {
    const numbers: number[] = []
    for await (const { key } of this.#backend.list(OPERATIONS_PREFIX)) {
      const place = parseOperationRecordKey(key)
      if (place?.name === 'start') numbers.push(place.number)
    }
    return numbers
  }
}

/**
 * Tells what has become of an operation.
 *
 * `unfinished`: its process was killed, or is on another host, where nobody can look.
 */
export async function findOperationState(
  operation: Operation,
): Promise<OperationEnd['outcome'] | 'running' | 'unfinished'> {
  if (operation.end !== null) return operation.end.outcome
  const { pid, host, processStart } = operation.start
  const here = await thisProcess()
  if (host !== here.host) return 'unfinished'
  return (await hasEnded({ pid, host, processStart })) ? 'unfinished' : 'running'
}

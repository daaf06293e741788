import { expect } from 'vitest'
import type { Backend, BackendEntry } from '../../src/backend/backend.ts'
import { SnapError } from '../../src/errors.ts'

export type BackendMethod = 'create' | 'read' | 'findSizeBytes' | 'list' | 'remove'

/** A fault to come: on which calls, and how many of them. */
interface Fault {
  matches: (call: { method: BackendMethod; key: string; number: number }) => boolean
  remaining: number
  hasFired: boolean
}

/**
 * A backend whose calls fail as planned, before they reach the backend behind it.
 *
 * Faults are values; `assertAllFired` fails a test whose fault was never met.
 */
export class FaultyBackend implements Backend {
  readonly #backend: Backend
  readonly #faults: Fault[] = []
  /** Calls so far. */
  callCount = 0

  constructor(backend: Backend) {
    this.#backend = backend
  }

  get location(): string {
    return this.#backend.location
  }

  /** Fails the next `times` calls of `method` whose key matches. */
  failOn(method: BackendMethod, key: RegExp, times = 1): void {
    this.#faults.push({
      matches: (call) => call.method === method && key.test(call.key),
      remaining: times,
      hasFired: false,
    })
  }

  /** Fails call number `first` (1 is the next one of a fresh backend), and `times` − 1 after it. */
  failFromCall(first: number, times: number): void {
    this.#faults.push({
      matches: (call) => call.number >= first,
      remaining: times,
      hasFired: false,
    })
  }

  assertAllFired(): void {
    expect(this.#faults.filter((fault) => !fault.hasFired)).toEqual([])
  }

  async create(key: string, parts: readonly Uint8Array[]): Promise<'created' | 'exists'> {
    this.#call('create', key)
    return this.#backend.create(key, parts)
  }

  async read(key: string, range?: { offsetBytes: number; sizeBytes: number }): Promise<Uint8Array> {
    this.#call('read', key)
    return this.#backend.read(key, range)
  }

  async findSizeBytes(key: string): Promise<number | undefined> {
    this.#call('findSizeBytes', key)
    return this.#backend.findSizeBytes(key)
  }

  async *list(prefix: string): AsyncIterable<BackendEntry> {
    this.#call('list', prefix)
    yield* this.#backend.list(prefix)
  }

  async remove(key: string): Promise<void> {
    this.#call('remove', key)
    return this.#backend.remove(key)
  }

  async close(): Promise<void> {
    return this.#backend.close()
  }

  #call(method: BackendMethod, key: string): void {
    this.callCount++
    const call = { method, key, number: this.callCount }
    const fault = this.#faults.find((planned) => planned.remaining > 0 && planned.matches(call))
    if (fault === undefined) return
    fault.remaining--
    fault.hasFired = true
    throw new SnapError('BACKEND_UNAVAILABLE', `cannot ${method} '${key}': planned fault`, {
      location: this.location,
    })
  }
}

/**
 * Runs an operation with its 1st backend call failing, then its 2nd, until one run meets no fault.
 *
 * Done twice: once with a single call failing, once with all from that call on, as when a disk fills.
 *
 * @param prepare  returns a fresh backend, prepared
 * @param operate  the operation; a rejection with BACKEND_UNAVAILABLE is expected, any other fails the test
 * @param check    what must hold afterwards, given the backend without faults
 */
export async function faultSweep(sweep: {
  prepare: () => Promise<Backend>
  operate: (backend: Backend) => Promise<void>
  check: (backend: Backend, run: { hasSucceeded: boolean; failedCall: number }) => Promise<void>
}): Promise<{ runCount: number }> {
  let runCount = 0
  for (const times of [1, Number.POSITIVE_INFINITY]) {
    let hasMetFault = true
    for (let failedCall = 1; hasMetFault; failedCall++) {
      const backend = await sweep.prepare()
      const faulty = new FaultyBackend(backend)
      faulty.failFromCall(failedCall, times)
      const error = await sweep.operate(faulty).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      if (error !== undefined) expect(error).toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
      hasMetFault = faulty.callCount >= failedCall
      await sweep.check(backend, { hasSucceeded: error === undefined, failedCall })
      runCount++
    }
  }
  return { runCount }
}

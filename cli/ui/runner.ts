/**
 * Does what the screens want, and tells the state what came of it.
 *
 * Of each screen one load of a kind runs at a time; when it has ended the screen is asked again. A
 * screen that is closed takes its work with it: its signal is aborted, and what still comes of it
 * is dropped.
 */
import type { Action, Effect } from './action.ts'
import { reduce } from './reducer.ts'
import type { UiState } from './state.ts'
import { type Load, wantedLoads } from './wanted-loads.ts'

/** What work is given of the screen that wants it. */
export interface Job {
  readonly screenId: number
  /** Aborted when the screen is closed, the program leaves, or the user stops the work. */
  readonly signal: AbortSignal
  dispatch(action: Action): void
  /** Resolves when the user agrees; never when the screen is closed: then `signal` is aborted. */
  confirmation(): Promise<void>
}

export type Loader = (load: Load, job: Job) => Promise<void>

interface Work {
  controller: AbortController
  signal: AbortSignal
  running: Set<Load['kind']>
  confirm: (() => void) | undefined
}

export class Runner {
  #state: UiState
  readonly #load: Loader
  readonly #explain: (failure: unknown, signal: AbortSignal) => string[]
  readonly #suspend: () => Promise<void>
  readonly #signal: AbortSignal
  readonly #works = new Map<number, Work>()
  readonly #pending = new Set<Promise<void>>()
  readonly #listeners = new Set<() => void>()

  constructor(options: {
    state: UiState
    load: Loader
    explain: (failure: unknown, signal: AbortSignal) => string[]
    /** Gives the terminal to the shell; resolves when it is ours again. */
    suspend: () => Promise<void>
    signal: AbortSignal
  }) {
    this.#state = options.state
    this.#load = options.load
    this.#explain = options.explain
    this.#suspend = options.suspend
    this.#signal = options.signal
  }

  readonly getState = (): UiState => this.#state

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly dispatch = (action: Action): void => {
    const before = this.#state
    this.#state = reduce(before, action)
    if (this.#state === before) return
    this.start()
    for (const listener of this.#listeners) listener()
  }

  perform(effect: Effect): void {
    if (effect.kind === 'suspend') {
      void this.#suspend()
      return
    }
    const work = this.#works.get(effect.screenId)
    const { screenId } = effect
    if (effect.kind === 'confirm') {
      this.dispatch({ kind: 'confirmed', screenId })
      work?.confirm?.()
    } else {
      this.dispatch({ kind: 'stopped', screenId })
      work?.controller.abort(new Error('stopped'))
    }
  }

  /** Begins what the screens want and does not run yet; ends what no screen wants any more. */
  start(): void {
    const { screens, leaving } = this.#state
    for (const [id, work] of this.#works) {
      if (leaving === null && screens.some((screen) => screen.id === id)) continue
      this.#works.delete(id)
      work.controller.abort(new Error('closed'))
    }
    if (leaving !== null) return
    for (const screen of screens) {
      const work = this.#workOf(screen.id)
      for (const load of wantedLoads(this.#state, screen)) {
        if (work.running.has(load.kind)) continue
        work.running.add(load.kind)
        const pending = this.#run(load, screen.id, work)
        this.#pending.add(pending)
        void pending.finally(() => this.#pending.delete(pending))
      }
    }
  }

  /** Resolves when nothing runs any more. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending)
  }

  async #run(load: Load, screenId: number, work: Work): Promise<void> {
    const { signal } = work
    const isOpen = () => this.#works.get(screenId) === work
    const job: Job = {
      screenId,
      signal,
      dispatch: (action) => {
        if (isOpen()) this.dispatch(action)
      },
      confirmation: () =>
        new Promise((resolve, reject) => {
          work.confirm = resolve
          signal.addEventListener('abort', () => reject(signal.reason), { once: true })
        }),
    }
    // What it begins with must not run within the dispatch that wants it.
    await Promise.resolve()
    try {
      await this.#load(load, job)
    } catch (failure) {
      job.dispatch({ kind: 'failed', screenId, lines: this.#explain(failure, signal) })
    } finally {
      work.running.delete(load.kind)
      if (isOpen()) this.start()
    }
  }

  #workOf(screenId: number): Work {
    const known = this.#works.get(screenId)
    if (known !== undefined) return known
    const controller = new AbortController()
    const signal = AbortSignal.any([this.#signal, controller.signal])
    const work = { controller, signal, running: new Set<Load['kind']>(), confirm: undefined }
    this.#works.set(screenId, work)
    return work
  }
}

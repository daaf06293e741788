/**
 * Finds an order in which objects can take each other's names. Pure.
 *
 * A name is free or taken at every moment, so a chain is walked from its free end
 * and a cycle is broken by a temporary name. What stands on a wanted name and is
 * wanted nowhere itself gets a temporary name for good: it is about to be dropped.
 */

export interface Movable {
  namespace: string
  name: string
  /** Where names have to differ: a table's from other relations' and, for its row type, from types'. */
  spaces: readonly string[]
  /** What tells it apart besides its name: a function's arguments. */
  suffix?: string
  /** Where it belongs; null for what may be anywhere. */
  wanted: { namespace: string; name: string } | null
  /** Position of what takes it along into another namespace, and without which it cannot get there. */
  follows?: number
}

export interface Move {
  /** Position of what is moved. */
  moved: number
  /** A name within its namespace, or a namespace under the same name. */
  changes: 'name' | 'namespace'
  from: { namespace: string; name: string }
  to: { namespace: string; name: string }
}

/**
 * Plans the moves after which everything is where it is wanted.
 *
 * Whatever is wanted where something else is wanted too stays behind; no two
 * things of one database ask for that, but a wrong hint may.
 *
 * @param newTemporaryName  returns a name that nothing has, has had or is to have
 */
export function orderMoves(
  movables: readonly Movable[],
  newTemporaryName: () => string,
): { moves: Move[]; places: { namespace: string; name: string }[] } {
  const ordering = new Ordering(movables, newTemporaryName)
  ordering.run()
  return { moves: ordering.moves, places: ordering.places }
}

class Ordering {
  readonly moves: Move[] = []
  readonly places: { namespace: string; name: string }[]
  readonly #movables: readonly Movable[]
  readonly #newTemporaryName: () => string
  readonly #wanted: (Movable['wanted'] | null)[]
  readonly #followers = new Map<number, number[]>()
  readonly #taken = new Map<string, number>()

  constructor(movables: readonly Movable[], newTemporaryName: () => string) {
    this.#movables = movables
    this.#newTemporaryName = newTemporaryName
    this.places = movables.map(({ namespace, name }) => ({ namespace, name }))
    for (const [each, { follows }] of movables.entries()) {
      if (follows !== undefined) {
        this.#followers.set(follows, [...(this.#followers.get(follows) ?? []), each])
      }
      this.#occupy(each)
    }
    this.#wanted = movables.map(({ namespace, wanted, follows }) => {
      if (wanted === null || follows === undefined) return wanted
      const leader = movables[follows]!
      return { namespace: leader.wanted?.namespace ?? namespace, name: wanted.name }
    })
  }

  run(): void {
    let pending = [...this.#movables.keys()]
    for (;;) {
      pending = pending.filter((each) => !this.#isSettled(each))
      if (pending.length === 0) return
      const advanced = pending.filter((each) => this.#advance(each))
      if (advanced.length > 0) continue
      const stuck = pending.find((each) => this.#isLeading(each)) ?? pending[0]!
      if (!this.#clearTheWay(stuck)) this.#wanted[stuck] = null
    }
  }

  #isSettled(each: number): boolean {
    const wanted = this.#wanted[each]
    if (wanted === null || wanted === undefined) return true
    const { namespace, name } = this.places[each]!
    return namespace === wanted.namespace && name === wanted.name
  }

  /** Whether it can reach its namespace, or is there. */
  #isLeading(each: number): boolean {
    const isThere = this.places[each]!.namespace === this.#wanted[each]!.namespace
    return isThere || this.#movables[each]!.follows === undefined
  }

  #advance(each: number): boolean {
    // What it follows may have taken it there meanwhile.
    if (this.#isSettled(each)) return false
    const wanted = this.#wanted[each]!
    const { namespace, name } = this.places[each]!
    if (namespace === wanted.namespace) {
      return this.#isFree(each, wanted) && this.#rename(each, wanted.name)
    }
    if (!this.#isLeading(each)) return false
    const party = this.#partyOf(each)
    const isOpen = party.every((member) =>
      this.#isFree(member, { namespace: wanted.namespace, name: this.places[member]!.name }),
    )
    if (isOpen) return this.#moveParty(each, party, wanted.namespace)
    const canBeRenamedFirst =
      name !== wanted.name &&
      this.#isFree(each, wanted) &&
      this.#isFree(each, { namespace, name: wanted.name })
    return canBeRenamedFirst && this.#rename(each, wanted.name)
  }

  /** Gives a temporary name to what is in the way; returns false when that belongs there. */
  #clearTheWay(each: number): boolean {
    const { namespace } = this.#wanted[each]!
    const isThere = this.places[each]!.namespace === namespace
    for (const member of isThere ? [each] : this.#partyOf(each)) {
      const name = isThere ? this.#wanted[each]!.name : this.places[member]!.name
      const blocker = this.#blockerOf(member, { namespace, name })
      if (blocker === undefined) continue
      const belongsThere = this.#wanted[member]?.name === name
      if (!belongsThere) return this.#rename(member, this.#newTemporaryName())
      const isAtHome = this.#wanted[blocker] !== null && this.#isSettled(blocker)
      return !isAtHome && this.#rename(blocker, this.#newTemporaryName())
    }
    return false
  }

  #partyOf(leader: number): number[] {
    return [leader, ...(this.#followers.get(leader) ?? [])]
  }

  #rename(each: number, name: string): true {
    const from = this.places[each]!
    const to = { namespace: from.namespace, name }
    this.moves.push({ moved: each, changes: 'name', from, to })
    this.#place(each, to)
    return true
  }

  #moveParty(leader: number, party: readonly number[], namespace: string): true {
    const from = this.places[leader]!
    const to = { namespace, name: from.name }
    this.moves.push({ moved: leader, changes: 'namespace', from, to })
    for (const member of party) {
      this.#place(member, { namespace, name: this.places[member]!.name })
    }
    return true
  }

  #place(each: number, to: { namespace: string; name: string }): void {
    for (const key of this.#keysOf(each, this.places[each]!)) {
      if (this.#taken.get(key) === each) this.#taken.delete(key)
    }
    this.places[each] = to
    this.#occupy(each)
  }

  #occupy(each: number): void {
    for (const key of this.#keysOf(each, this.places[each]!)) this.#taken.set(key, each)
  }

  #isFree(each: number, place: { namespace: string; name: string }): boolean {
    return this.#blockerOf(each, place) === undefined
  }

  #blockerOf(each: number, place: { namespace: string; name: string }): number | undefined {
    return this.#keysOf(each, place)
      .map((key) => this.#taken.get(key))
      .find((other) => other !== undefined && other !== each)
  }

  #keysOf(each: number, { namespace, name }: { namespace: string; name: string }): string[] {
    const { spaces, suffix = '' } = this.#movables[each]!
    return spaces.map((space) => JSON.stringify([space, namespace, name, suffix]))
  }
}

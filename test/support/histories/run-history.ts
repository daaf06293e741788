/**
 * Carries out a random history on a real database, and compares it with what
 * `pg_dump` said of each commit whenever one is checked out.
 */
import pg from 'pg'
import type { ObjectId } from '../../../src/format/values.ts'
import { fsck } from '../../../src/maintenance/fsck.ts'
import { branchRefName } from '../../../src/refs/ref-name.ts'
import { planCheckout } from '../../../src/restore/plan-checkout.ts'
import type { Store } from '../../../src/store.ts'
import { createDatabase, type TestDatabase } from '../postgres.ts'
import {
  AUTHOR,
  addressOf,
  checkoutDatabase,
  commitDatabase,
  memoryStore,
  undoCheckout,
} from '../session.ts'
import { describeDifference, dumpWith, withSortedRows } from '../witness.ts'
import { codeMoves } from './code-moves.ts'
import { readFacts } from './facts.ts'
import { Picks } from './picks.ts'
import { type Move, rowMoves } from './row-moves.ts'
import { tableMoves } from './table-moves.ts'

export const moves: Readonly<Record<string, Move>> = { ...rowMoves, ...tableMoves, ...codeMoves }

/** A random change: which one, and the numbers by which it chooses what it is about. */
export interface Change {
  move: string
  picks: readonly number[]
}

export type Step =
  | ({ kind: 'change' } & Change)
  | { kind: 'transaction'; changes: readonly Change[]; isRolledBack: boolean }
  | { kind: 'commit' }
  | { kind: 'branch' }
  /** Checks out a commit that there is by then, a safety commit or a branch among them. */
  | { kind: 'checkout'; which: number }
  | { kind: 'undo' }

/** What a run of histories has come to. */
export class Tally {
  accepted = 0
  /** By SQLSTATE. */
  refused = new Map<string, number>()
  surgical = 0
  unchanged = 0
  /** Why the general form was used. */
  general: string[] = []
  retries: string[] = []

  get refusedCount(): number {
    return [...this.refused.values()].reduce((sum, count) => sum + count, 0)
  }
}

/** @throws when a checkout gives anything else than what was committed; `log` has the SQL up to then */
export async function runHistory(
  major: number,
  steps: readonly Step[],
  tally: Tally,
  log: string[],
): Promise<void> {
  const database = await createDatabase(major)
  try {
    await database.withClient(async (client) => {
      client.on('notice', () => undefined)
      await makeRoles(client)
      const history = new History(database, client, await memoryStore(), tally, log)
      for (const step of steps) await history.take(step)
      await history.finish()
    })
  } finally {
    await database.drop()
  }
}

async function makeRoles(client: pg.Client): Promise<void> {
  for (const role of ['snap_reader', 'snap_other']) {
    await client.query(
      `DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
    )
  }
  await client.query(`SET statement_timeout = '20s'`)
}

/** A commit, and what the independent witness said when it was made. */
interface Known {
  commitId: ObjectId
  /** Checked out by this name, until a commit moves the branch. */
  branch?: string
  dump: string
}

class History {
  readonly #database: TestDatabase
  readonly #client: pg.Client
  readonly #store: Store
  readonly #tally: Tally
  readonly #log: string[]
  readonly #known: Known[] = []
  /** What `undo` would bring back. */
  #before: string | undefined

  constructor(
    database: TestDatabase,
    client: pg.Client,
    store: Store,
    tally: Tally,
    log: string[],
  ) {
    this.#database = database
    this.#client = client
    this.#store = store
    this.#tally = tally
    this.#log = log
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'change':
        await this.#change(step)
        return
      case 'transaction':
        return this.#transact(step.changes, step.isRolledBack)
      case 'commit':
        return this.#commit()
      case 'branch':
        return this.#branch()
      case 'checkout':
        return this.#checkout(step.which)
      case 'undo':
        return this.#undo()
    }
  }

  async finish(): Promise<void> {
    await this.#checkout(0)
    const { findings } = await fsck(this.#store.backend)
    if (findings.length > 0) throw new Error(`fsck: ${JSON.stringify(findings)}`)
  }

  async #change(change: Change): Promise<boolean> {
    const move = moves[change.move]
    const sql = move?.(await readFacts(this.#client), new Picks(change.picks))
    if (sql === undefined) return true
    try {
      await this.#client.query(`RESET search_path;\n${sql}`)
      this.#tally.accepted++
      this.#log.push(`${sql};`)
      return true
    } catch (error) {
      const isRefusal = error instanceof pg.DatabaseError && error.severity === 'ERROR'
      if (!isRefusal) throw error
      const code = error.code ?? ''
      this.#tally.refused.set(code, (this.#tally.refused.get(code) ?? 0) + 1)
      if (code.startsWith('42601')) this.#log.push(`-- not SQL (${error.message}): ${sql}`)
      return false
    }
  }

  async #transact(changes: readonly Change[], isRolledBack: boolean): Promise<void> {
    await this.#client.query('BEGIN')
    this.#log.push('BEGIN;')
    let isSound = true
    for (const change of changes) isSound &&= await this.#change(change)
    const end = isRolledBack || !isSound ? 'ROLLBACK' : 'COMMIT'
    // What is deferred may still be refused.
    await this.#client.query(end).catch((error) => {
      if (!(error instanceof pg.DatabaseError)) throw error
    })
    this.#log.push(`${end};`)
  }

  #dump(): Promise<string> {
    return dumpWith(this.#database.majorVersion, this.#database.url)
  }

  async #commit(): Promise<void> {
    const { commitId } = await commitDatabase(this.#store, this.#database.url)
    this.#known.push({ commitId, dump: await this.#dump() })
    this.#log.push(`-- commit ${this.#known.length - 1}`)
  }

  async #branch(): Promise<void> {
    const last = this.#known.at(-1)
    if (last === undefined) return
    const { commitId, dump } = last
    const branch = `branch-${this.#known.length}`
    await this.#store.refs.move({
      name: branchRefName(branch),
      expected: null,
      next: commitId,
      reason: { kind: 'branch', message: 'branch: created' },
      author: AUTHOR,
      at: new Date(),
    })
    this.#known.push({ commitId, branch, dump })
    this.#log.push(`-- ${branch} is known as ${this.#known.length - 1}`)
  }

  async #revisionOf({ commitId, branch }: Known): Promise<string> {
    if (branch === undefined) return commitId
    const tip = await this.#store.refs.find(branchRefName(branch))
    return tip === commitId ? branch : commitId
  }

  async #checkout(which: number): Promise<void> {
    if (this.#known.length === 0) return
    const position = which % this.#known.length
    const known = this.#known[position]!
    const { dump } = known
    const revision = await this.#revisionOf(known)
    const before = await this.#dump()
    this.#log.push(`-- checkout ${position}`)
    const { result } = await checkoutDatabase(this.#store, this.#database.url, revision, {
      withRowProof: which % 3 === 0,
      reporter: (event) => {
        if (event.kind === 'warning') this.#tally.retries.push(event.detail)
      },
    })
    if (result.form === null) this.#tally.unchanged++
    else if (result.form.kind === 'surgical') this.#tally.surgical++
    else this.#tally.general.push(result.form.because)

    await this.#expect(dump, result.commitId)
    this.#before = before
    if (result.safetyCommitId !== null && before !== dump) {
      this.#known.push({ commitId: result.safetyCommitId, dump: before })
      this.#log.push(`-- the state before is known as ${this.#known.length - 1}`)
    }
  }

  async #undo(): Promise<void> {
    if (this.#before === undefined) return
    const before = await this.#dump()
    this.#log.push('-- undo')
    const { form, commitId } = await undoCheckout(this.#store, this.#database.url)
    if (form?.kind === 'surgical') this.#tally.surgical++
    if (form?.kind === 'general') this.#tally.general.push(form.because)
    await this.#expect(this.#before, commitId)
    this.#before = before
  }

  /** The database is what it was; and `snap` says that it is, when even its rows stand where they stood. */
  async #expect(dump: string, commitId: string): Promise<void> {
    const found = await this.#dump()
    const difference = describeDifference(withSortedRows(dump), withSortedRows(found))
    if (difference !== undefined) throw new Error(`the checkout gave another state: ${difference}`)
    const plan = await planCheckout(this.#store, {
      database: await addressOf(this.#database.url),
      author: AUTHOR,
      revision: commitId,
      isDryRun: true,
    })
    const claims = {
      schema: plan.schema,
      sequencesDiffer: (plan.outline?.sequences.length ?? 0) > 0,
      largeObjectsDiffer: plan.largeObjects.differ,
      otherTables: plan.tables.filter(({ change }) => change === 'missing' || change === 'extra'),
    }
    const expected = {
      schema: [],
      sequencesDiffer: false,
      largeObjectsDiffer: false,
      otherTables: [],
    }
    if (JSON.stringify(claims) !== JSON.stringify(expected)) {
      throw new Error(`after the checkout something is still to be done: ${JSON.stringify(claims)}`)
    }
    if (plan.isNoOp !== (found === dump)) {
      throw new Error(
        `isNoOp is ${plan.isNoOp}, but pg_dump says ${found === dump}: ${describeDifference(dump, found)}`,
      )
    }
  }
}

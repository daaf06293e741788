/**
 * `snap stats`: what each commit takes, what it shares, how tables and the store grow.
 *
 * Reads commits, trees and manifests, no rows. Commits are taken by their time,
 * each compared with the one before it: where their hash trees are equal nothing
 * is read, so that the cost is that of all changes. Sizes are exact: removing a
 * commit, and no other, leaves exactly its unique bytes for `gc` to give back.
 */

import { throwIfAborted } from '../errors.ts'
import { emit, type Reporter } from '../events.ts'
import type { Commit, ObjectId, Tree } from '../format/values.ts'
import { manifestsBeside, manifestsIn } from '../history/mark-reachable.ts'
import { walkCommits } from '../history/walk-commits.ts'
import { ObjectDatabase } from '../objects/object-database.ts'
import type { ObjectPresence } from '../objects/object-presence.ts'
import { readHead } from '../refs/head.ts'
import type { Store } from '../store.ts'
import { listNeededCommits } from './gc.ts'
import { withStoreLock } from './with-store-lock.ts'

export interface StatsOptions {
  /** At how many commits of HEAD's history tables are measured, the oldest and newest among them. Default 40. */
  pointCount?: number | undefined
  reporter?: Reporter | undefined
  signal?: AbortSignal | undefined
  now?: (() => Date) | undefined
}

export interface CommitStats {
  id: ObjectId
  createdAt: string
  message: string
  purpose: Commit['purpose']
  tableCount: number
  rowCount: number
  /** Uncompressed, of all that it holds: rows, large objects, other datastores. */
  sizeBytes: number
  /** Stored bytes of what no older commit has. */
  newSizeBytes: number
  /** Stored bytes that go when it alone is removed. */
  uniqueSizeBytes: number
  /** Stored bytes of what it has in common with others. */
  sharedSizeBytes: number
}

export interface TableStats {
  namespace: string
  name: string
  /** One for each of `StoreStats.points`; null where the commit has not the table, or not its rows. */
  points: ({ rowCount: number; sizeBytes: number } | null)[]
}

export interface StoreStats {
  /** Of all packs. It is the sum of the following four. */
  sizeBytes: number
  /** Of objects that one commit names. */
  uniqueSizeBytes: number
  /** Of objects that several commits name, each once. */
  sharedSizeBytes: number
  /** Of entries that no commit needs. */
  unneededSizeBytes: number
  /** Heads and trailers of packs. */
  overheadSizeBytes: number
  packCount: number
  objectCount: number
  /** Sum of `sizeBytes` of all commits. */
  heldSizeBytes: number
  /** What is left of that when equal pieces are kept once, schemas and manifests included. */
  distinctSizeBytes: number
  /** Every commit that is kept, oldest first. */
  commits: CommitStats[]
  /** Where tables were measured, oldest first: HEAD and commits before it. */
  points: { commitId: ObjectId; createdAt: string }[]
  /** By namespace and name. */
  tables: TableStats[]
}

const DEFAULT_POINT_COUNT = 40

/**
 * @throws STORE_LOCKED    a garbage collection is running
 * @throws OBJECT_MISSING, OBJECT_CORRUPT  a commit, tree or manifest node is damaged
 * @throws ABORTED, BACKEND_*
 */
export function readStoreStats(store: Store, options: StatsOptions = {}): Promise<StoreStats> {
  const { now = () => new Date() } = options
  const request = { operation: 'stats', mode: 'shared', at: now() } as const
  return withStoreLock(store, request, async () => {
    await store.pruned.refresh()
    const commits = await listByTime(store, await listNeededCommits(store, options))
    const points = await choosePoints(store, options)
    emit(options.reporter, { kind: 'phaseStarted', phase: 'markObjects' })
    const objects = ObjectDatabase.open(store.backend)
    const presence = await objects.newPresence()
    const tables = new TableSeries(points.map(({ commitId }) => commitId))
    const measured = await measure(objects, presence, { commits, tables, signal: options.signal })
    const totals = presence.totals()
    const { packCount, sizeBytes } = await measurePackFiles(store)
    const uniqueSizeBytes = sum(totals.uniqueSizeBytes)
    const needed = uniqueSizeBytes + totals.sharedSizeBytes
    return {
      sizeBytes,
      uniqueSizeBytes,
      sharedSizeBytes: totals.sharedSizeBytes,
      unneededSizeBytes: totals.unnamedSizeBytes,
      overheadSizeBytes: sizeBytes - needed - totals.unnamedSizeBytes,
      packCount,
      objectCount: totals.namedObjectCount,
      heldSizeBytes: sum(measured.map((commit) => commit.sizeBytes)),
      distinctSizeBytes: totals.uncompressedSizeBytes,
      commits: measured.map(({ reachableSizeBytes, ...commit }, position) => ({
        ...commit,
        uniqueSizeBytes: totals.uniqueSizeBytes[position]!,
        sharedSizeBytes: reachableSizeBytes - totals.uniqueSizeBytes[position]!,
      })),
      points,
      tables: tables.list(),
    }
  })
}

interface TimedCommit {
  id: ObjectId
  createdAt: string
}

/** Neighbours are likest to each other when they are in the order in which they were made. */
async function listByTime(store: Store, ids: Iterable<ObjectId>): Promise<TimedCommit[]> {
  const commits: TimedCommit[] = []
  for (const id of ids) {
    commits.push({ id, createdAt: (await store.objects.readCommit(id)).createdAt })
  }
  return commits.sort((a, b) => compare(a.createdAt, b.createdAt) || compare(a.id, b.id))
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** Spreads the points evenly over HEAD's history. */
async function choosePoints(store: Store, options: StatsOptions): Promise<StoreStats['points']> {
  const { pointCount = DEFAULT_POINT_COUNT, signal } = options
  const head = await readHead(store.refs)
  if (head.id === null) return []
  const history: StoreStats['points'] = []
  for await (const { id, commit } of walkCommits(store, [head.id], { signal })) {
    history.push({ commitId: id, createdAt: commit.createdAt })
  }
  history.reverse()
  if (history.length <= pointCount) return history
  const step = (history.length - 1) / (pointCount - 1)
  return Array.from({ length: pointCount }, (_, n) => history[Math.round(n * step)]!)
}

type MeasuredCommit = Omit<CommitStats, 'uniqueSizeBytes' | 'sharedSizeBytes'> & {
  reachableSizeBytes: number
}

async function measure(
  objects: ObjectDatabase,
  presence: ObjectPresence,
  work: { commits: readonly TimedCommit[]; tables: TableSeries; signal: AbortSignal | undefined },
): Promise<MeasuredCommit[]> {
  const walk = new ManifestWalk(objects, presence, work.signal)
  const measured: MeasuredCommit[] = []
  let before: CommitRoots = { objects: [], manifests: [] }
  for (const { id } of work.commits) {
    const commit = await objects.readCommit(id)
    const tree = await objects.readTree(commit.treeId)
    const manifests = [...manifestsBeside(commit), ...manifestsIn(tree)]
    const roots = {
      objects: [id, commit.treeId],
      manifests: manifests.map(({ rootId }) => rootId),
    }
    for (const root of roots.objects) presence.enter(root, 'metadata')
    for (const root of roots.manifests) await walk.enter(root)
    for (const root of before.objects) presence.leave(root, 'metadata')
    for (const root of before.manifests) await walk.leave(root)
    before = roots
    const { sizeBytes, newSizeBytes } = presence.endState()
    work.tables.add(id, tree)
    measured.push({
      id,
      createdAt: commit.createdAt,
      message: commit.message,
      purpose: commit.purpose,
      ...contentsOf(commit, tree),
      newSizeBytes,
      reachableSizeBytes: sizeBytes,
    })
  }
  return measured
}

interface CommitRoots {
  objects: readonly ObjectId[]
  manifests: readonly ObjectId[]
}

function contentsOf(commit: Commit, tree: Tree) {
  const rows = tree.tables.map((table) => table.rows).filter((ref) => ref !== null)
  const sources = manifestsBeside(commit).filter((ref) => ref !== commit.catalog)
  return {
    tableCount: tree.tables.length,
    rowCount: sum(rows.map(({ rowCount }) => rowCount)),
    sizeBytes: sum([...rows, tree.largeObjects.pages, ...sources].map((ref) => ref.sizeBytes)),
  }
}

/** Counts what hash trees name, down to where they are as they were. */
class ManifestWalk {
  readonly #objects: ObjectDatabase
  readonly #presence: ObjectPresence
  readonly #signal: AbortSignal | undefined

  constructor(objects: ObjectDatabase, presence: ObjectPresence, signal: AbortSignal | undefined) {
    this.#objects = objects
    this.#presence = presence
    this.#signal = signal
  }

  async enter(rootId: ObjectId): Promise<void> {
    if (this.#presence.enter(rootId, 'metadata') !== 'appeared') return
    await this.#children(rootId, {
      chunk: (id) => void this.#presence.enter(id, 'chunk'),
      node: (id) => this.enter(id),
    })
  }

  async leave(rootId: ObjectId): Promise<void> {
    if (this.#presence.leave(rootId, 'metadata') !== 'gone') return
    await this.#children(rootId, {
      chunk: (id) => void this.#presence.leave(id, 'chunk'),
      node: (id) => this.leave(id),
    })
  }

  async #children(
    id: ObjectId,
    visit: { chunk: (id: ObjectId) => void; node: (id: ObjectId) => Promise<void> },
  ): Promise<void> {
    throwIfAborted(this.#signal, 'measuring the store')
    const node = await this.#objects.readNode(id)
    if ('chunks' in node) for (const chunk of node.chunks) visit.chunk(chunk.id)
    else for (const child of node.children) await visit.node(child.rootId)
  }
}

/** Sizes of tables at some commits, which come in any order. */
class TableSeries {
  readonly #positions: ReadonlyMap<ObjectId, number>
  readonly #tables = new Map<string, TableStats>()

  constructor(commitIds: readonly ObjectId[]) {
    this.#positions = new Map(commitIds.map((id, position) => [id, position]))
  }

  add(commitId: ObjectId, tree: Tree): void {
    const position = this.#positions.get(commitId)
    if (position === undefined) return
    for (const { namespace, name, rows } of tree.tables) {
      const key = `${namespace}\0${name}`
      const table = this.#tables.get(key) ?? { namespace, name, points: this.#noPoints() }
      this.#tables.set(key, table)
      if (rows !== null) {
        table.points[position] = { rowCount: rows.rowCount, sizeBytes: rows.sizeBytes }
      }
    }
  }

  list(): TableStats[] {
    return [...this.#tables.values()].sort(
      (a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name),
    )
  }

  #noPoints(): null[] {
    return new Array<null>(this.#positions.size).fill(null)
  }
}

async function measurePackFiles(store: Store): Promise<{ packCount: number; sizeBytes: number }> {
  let packCount = 0
  let sizeBytes = 0
  for await (const pack of store.backend.list('packs/')) {
    packCount++
    sizeBytes += pack.sizeBytes
  }
  return { packCount, sizeBytes }
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)

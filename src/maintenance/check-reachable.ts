import { SnapError, throwIfAborted } from '../errors.ts'
import { totalsOfNode } from '../format/manifest-node.ts'
import { shortId } from '../format/object-id.ts'
import type { PrunedCommit } from '../format/pruned-record.ts'
import type { ChunkRef, Commit, ManifestRef, ObjectId } from '../format/values.ts'
import { manifestsBeside, manifestsIn } from '../history/mark-reachable.ts'
import type { ObjectDatabase } from '../objects/object-database.ts'
import type { Root } from './check-refs.ts'
import { type Finding, newFinding } from './finding.ts'

/** What is known of a node that has been walked. */
interface CheckedNode {
  level: number
  totals: Omit<ManifestRef, 'rootId'>
  problems: Finding[]
}

/**
 * Walks from refs over commits, trees and manifests to chunks, each object once,
 * and checks that all are there, of the right kind and size, and add up.
 *
 * Chunks are not read again: that their bytes are right is what the walk over
 * the packs has shown, and `damagedCopies` is what it has found.
 */
export class ReachabilityCheck {
  readonly findings: Finding[] = []
  readonly #objects: ObjectDatabase
  /** Findings of the walk over the packs, by object. */
  readonly #damagedCopies: ReadonlyMap<ObjectId, Finding[]>
  readonly #pruned: ReadonlyMap<ObjectId, PrunedCommit>
  readonly #signal: AbortSignal | undefined
  readonly #passed = new Set<ObjectId>()
  readonly #commits = new Set<ObjectId>()
  readonly #trees = new Map<ObjectId, Finding[]>()
  readonly #nodes = new Map<ObjectId, CheckedNode | Finding[]>()
  readonly #missing = new Map<ObjectId, Finding>()

  constructor(
    objects: ObjectDatabase,
    options: {
      damagedCopies: ReadonlyMap<ObjectId, Finding[]>
      /** Commits whose absence is intended. */
      pruned: ReadonlyMap<ObjectId, PrunedCommit>
      signal: AbortSignal | undefined
    },
  ) {
    this.#objects = objects
    this.#damagedCopies = options.damagedCopies
    this.#pruned = options.pruned
    this.#signal = options.signal
  }

  get commitCount(): number {
    return this.#commits.size
  }

  /** Pruned commits that were passed on the way to those behind them. */
  get prunedCommitCount(): number {
    return this.#passed.size
  }

  /** Checks everything that can be reached from `roots`, less what was pruned and no ref is at. */
  async run(roots: readonly Root[]): Promise<void> {
    const current = new Set(roots.filter(({ isCurrent }) => isCurrent).map(({ id }) => id))
    const open = roots.map(({ id, key }) => ({ id, namedBy: `'${key}'` }))
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      throwIfAborted(this.#signal, 'fsck')
      const { id, namedBy } = next
      if (this.#commits.has(id) || this.#passed.has(id)) continue
      const pruned = this.#pruned.get(id)
      if (pruned !== undefined && !current.has(id)) {
        this.#passed.add(id)
        const self = `pruned commit '${shortId(id)}'`
        for (const parentId of pruned.parentIds) open.push({ id: parentId, namedBy: self })
        continue
      }
      this.#commits.add(id)
      const { commit, problems } = await this.#checkCommit(id, namedBy)
      for (const problem of new Set(problems)) problem.affects.push(id)
      for (const parentId of commit?.parentIds ?? []) {
        open.push({ id: parentId, namedBy: `commit '${shortId(id)}'` })
      }
    }
  }

  async #checkCommit(
    id: ObjectId,
    namedBy: string,
  ): Promise<{ commit?: Commit; problems: Finding[] }> {
    const commit = await this.#readOrReport(id, namedBy, () => this.#objects.readCommit(id))
    if (Array.isArray(commit)) return { problems: commit }
    const self = `commit '${shortId(id)}'`
    const problems = [...(await this.#checkTree(commit.treeId, self))]
    for (const manifest of manifestsBeside(commit)) {
      problems.push(...(await this.#checkManifest(manifest, self)))
    }
    return { commit, problems }
  }

  async #checkTree(id: ObjectId, namedBy: string): Promise<Finding[]> {
    const known = this.#trees.get(id)
    if (known !== undefined) return known
    const tree = await this.#readOrReport(id, namedBy, () => this.#objects.readTree(id))
    const problems = Array.isArray(tree) ? tree : []
    if (!Array.isArray(tree)) {
      for (const manifest of manifestsIn(tree)) {
        problems.push(...(await this.#checkManifest(manifest, `tree '${shortId(id)}'`)))
      }
    }
    this.#trees.set(id, problems)
    return problems
  }

  async #checkManifest(ref: ManifestRef, namedBy: string, level?: number): Promise<Finding[]> {
    const node = await this.#checkNode(ref.rootId, namedBy)
    if (Array.isArray(node)) return node
    const { totals } = node
    const isAsReferenced =
      (level === undefined || node.level === level) &&
      totals.sizeBytes === ref.sizeBytes &&
      totals.rowCount === ref.rowCount &&
      totals.chunkCount === ref.chunkCount
    if (isAsReferenced) return node.problems
    const finding = newFinding(
      'MANIFEST_TOTALS_WRONG',
      `${namedBy} says other sizes or counts of manifest node '${shortId(ref.rootId)}' than it has`,
      { objectId: ref.rootId },
    )
    this.findings.push(finding)
    return [...node.problems, finding]
  }

  async #checkNode(id: ObjectId, namedBy: string): Promise<CheckedNode | Finding[]> {
    const known = this.#nodes.get(id)
    if (known !== undefined) return known
    throwIfAborted(this.#signal, 'fsck')
    const node = await this.#readOrReport(id, namedBy, () => this.#objects.readNode(id))
    if (Array.isArray(node)) {
      this.#nodes.set(id, node)
      return node
    }
    const self = `manifest node '${shortId(id)}'`
    const problems: Finding[] = []
    if ('chunks' in node) {
      for (const chunk of node.chunks) problems.push(...(await this.#checkChunk(chunk, self)))
    } else {
      for (const child of node.children) {
        problems.push(...(await this.#checkManifest(child, self, node.level - 1)))
      }
    }
    const checked = { level: node.level, totals: totalsOfNode(node), problems }
    this.#nodes.set(id, checked)
    return checked
  }

  async #checkChunk(chunk: ChunkRef, namedBy: string): Promise<Finding[]> {
    const copies = await this.#objects.findEntries(chunk.id, 'chunk')
    if (copies.length === 0) {
      const baseId = this.#objects.findMissingBase(chunk.id)
      if (baseId === undefined) return [this.#reportMissing(chunk.id, namedBy)]
      const delta = `chunk '${shortId(chunk.id)}', which is stored as a delta on it`
      return [this.#reportMissing(baseId, `${delta}, and that by ${namedBy}`)]
    }
    if (copies[0]!.sizeBytes !== chunk.sizeBytes) {
      const finding = newFinding(
        'MANIFEST_TOTALS_WRONG',
        `${namedBy} says another size of chunk '${shortId(chunk.id)}' than it has`,
        { objectId: chunk.id },
      )
      this.findings.push(finding)
      return [finding]
    }
    const damaged = this.#damagedCopies.get(chunk.id) ?? []
    return copies.some(({ packKey }) => damaged.every(({ key }) => key !== packKey)) ? [] : damaged
  }

  /** Reads an object, or returns why it cannot be read: found already in its pack, or reported now. */
  async #readOrReport<T extends object>(
    id: ObjectId,
    namedBy: string,
    read: () => Promise<T>,
  ): Promise<T | Finding[]> {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof SnapError)) throw error
      if (error.code === 'OBJECT_MISSING') return [this.#reportMissing(id, namedBy)]
      const damaged = this.#damagedCopies.get(id)
      if (damaged !== undefined) return damaged
      const code = error.code === 'BACKEND_UNAVAILABLE' ? 'KEY_UNREADABLE' : 'OBJECT_INVALID'
      const finding = newFinding(code, `${error.message}; named by ${namedBy}`, { objectId: id })
      this.findings.push(finding)
      return [finding]
    }
  }

  #reportMissing(id: ObjectId, namedBy: string): Finding {
    const known = this.#missing.get(id)
    if (known !== undefined) return known
    const message = `object '${shortId(id)}' is missing; named by ${namedBy}`
    const finding = newFinding('OBJECT_MISSING', message, { objectId: id })
    this.#missing.set(id, finding)
    this.findings.push(finding)
    return finding
  }
}

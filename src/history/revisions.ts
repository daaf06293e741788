import { findClosestName } from '../closest-name.ts'
import { isSnapError, SnapError } from '../errors.ts'
import { findMetadataKind } from '../format/metadata-object.ts'
import { isObjectId, shortId } from '../format/object-id.ts'
import type { RefRecord } from '../format/ref-record.ts'
import type { ObjectId } from '../format/values.ts'
import { readHead } from '../refs/head.ts'
import { BRANCH_PREFIX, HEAD, isRefName, shortRefName, TAG_PREFIX } from '../refs/ref-name.ts'
import type { RefStore } from '../refs/ref-store.ts'
import { findCommitByMigration } from './find-by-migration.ts'
import { parseMoment, parseRevision, type RevisionStep } from './parse-revision.ts'
import type { HistorySource } from './walk-commits.ts'

/** What revisions are looked up in; an open store is one. */
export interface RevisionSource extends HistorySource {
  refs: RefStore
}

/** Begins a revision that names a commit by the migration its database was at. */
export const MIGRATION_REVISION_PREFIX = 'migration:'

const ID_PREFIX_PATTERN = /^[0-9a-f]{4,64}$/

/**
 * Finds the object that a revision names: a commit, or a tree with `^{tree}`.
 *
 * As in git: `HEAD`, `@`, a branch, a tag, `refs/…`, a commit's id or four or
 * more of its first digits; then `~2`, `^`, `^2`, `^{tree}`; `main@{1}` and
 * `@{1}` by place in the reflog, `main@{2 hours ago}` by time. A name goes
 * before an id, a tag before a branch. `~` and `^` count commits that were pruned, so that what a
 * revision names never changes by pruning; it may be gone.
 *
 * Besides, `migration:ae1027a` and `migration:alembic:ae1027a` name the newest commit whose database
 * was at that migration. Nothing may follow: heads of some tools hold `~`, `^` and colons.
 *
 * @throws REVISION_UNKNOWN    nothing has that name, or there is no such ancestor or reflog entry
 * @throws REVISION_AMBIGUOUS  several commits' ids begin so, or several migrations
 * @throws COMMIT_PRUNED       what it names was pruned
 * @throws ABORTED             `signal` was aborted meanwhile
 */
export async function resolveRevision(
  source: RevisionSource,
  text: string,
  options: { now?: Date; signal?: AbortSignal | undefined } = {},
): Promise<ObjectId> {
  if (text.startsWith(MIGRATION_REVISION_PREFIX)) {
    return findCommitByMigration(source, text.slice(MIGRATION_REVISION_PREFIX.length), options)
  }
  const expression = parseRevision(text)
  if (expression === undefined) throw unknown(text, 'that is not a revision')
  const { base, logPlace, steps } = expression
  // What others have pruned since this process last looked.
  await source.pruned.refresh()
  let id =
    logPlace === null
      ? await resolveBase(source, base, text)
      : await resolveLogPlace(source, { base, logPlace, text, now: options.now ?? new Date() })
  for (const step of steps) id = await takeStep(source, { id, step, text })
  await source.pruned.assertKept(id)
  return id
}

async function resolveBase(source: RevisionSource, base: string, text: string): Promise<ObjectId> {
  if (isObjectId(base) && (await isKnown(source, base))) return base
  if (base === HEAD) {
    const { id, targetRef } = await readHead(source.refs)
    if (id !== null) return id
    throw unknown(text, `'${targetRef}' has no commit yet`, "run 'snap commit' to make one")
  }
  const refName = await findRefName(source.refs, base)
  if (refName !== undefined) return source.refs.read(refName)
  const candidates = ID_PREFIX_PATTERN.test(base) ? await findCommits(source, base) : []
  if (candidates.length > 1) {
    throw new SnapError(
      'REVISION_AMBIGUOUS',
      `'${base}' is the beginning of ${candidates.length} commits`,
      { revision: text, candidates },
      { hint: `write more digits: ${candidates.slice(0, 3).map(shortId).join(', ')}` },
    )
  }
  if (candidates[0] === undefined) {
    throw unknown(text, 'nothing has that name', await guessName(source.refs, base))
  }
  return candidates[0]
}

/** The hint that names the branch or tag that was probably meant. */
async function guessName(refs: RefStore, base: string): Promise<string | undefined> {
  const names: string[] = [HEAD]
  for await (const { name } of refs.list('refs/')) {
    if (name.startsWith(BRANCH_PREFIX) || name.startsWith(TAG_PREFIX))
      names.push(shortRefName(name))
  }
  const guess = findClosestName(base, names)
  return guess === undefined ? undefined : `did you mean ${guess}?`
}

/** Returns the full name that a short one stands for, in git's order, if such a ref exists. */
async function findRefName(refs: RefStore, name: string): Promise<string | undefined> {
  for (const refName of [name, `refs/${name}`, TAG_PREFIX + name, BRANCH_PREFIX + name]) {
    if (refName === HEAD || !isRefName(refName)) continue
    if ((await refs.find(refName)) !== undefined) return refName
  }
  return undefined
}

async function isKnown({ objects, pruned }: RevisionSource, id: ObjectId): Promise<boolean> {
  return (await objects.has(id)) || (await pruned.find(id)) !== undefined
}

/** Commits that are stored, or if there is none, that were pruned. */
async function findCommits(
  { objects, pruned }: RevisionSource,
  prefix: string,
): Promise<ObjectId[]> {
  const commits: ObjectId[] = []
  for (const id of await objects.idsWithPrefix(prefix)) {
    if ((await pruned.find(id)) !== undefined) continue
    if ((await objects.findEntry(id, 'metadata')) === undefined) continue
    try {
      if (findMetadataKind(await objects.read(id, 'metadata')) === 'commit') commits.push(id)
    } catch (error) {
      // A damaged object that may be no commit at all must not make another's prefix unusable.
      if (!isSnapError(error, 'OBJECT_CORRUPT')) throw error
    }
  }
  return commits.length > 0 ? commits : pruned.idsWithPrefix(prefix)
}

async function resolveLogPlace(
  source: RevisionSource,
  place: { base: string; logPlace: string; text: string; now: Date },
): Promise<ObjectId> {
  const { base, logPlace, text, now } = place
  const refName = await findLogName(source.refs, base)
  if (refName === undefined) {
    throw unknown(text, `there is no ref '${base}'`, await guessName(source.refs, base))
  }
  const position = /^\d{1,9}$/.test(logPlace) ? Number(logPlace) : undefined
  const moment = position === undefined ? parseMoment(logPlace, now) : undefined
  if (position === undefined && moment === undefined) {
    throw unknown(text, `'${logPlace}' is neither a number nor a time`)
  }
  const isWanted = (record: RefRecord, index: number) =>
    moment === undefined ? index === position : Date.parse(record.at) <= moment.getTime()
  let recordCount = 0
  for await (const record of source.refs.log(refName)) {
    if (isWanted(record, recordCount)) {
      if (record.newId !== null) return record.newId
      throw unknown(text, `'${refName}' was at no commit then`)
    }
    recordCount++
  }
  throw unknown(
    text,
    `the reflog of '${refName}' has ${recordCount} entries`,
    `run 'snap reflog' to list them`,
  )
}

/** `@{1}` without a name is of the current branch, or of HEAD where there is none. */
async function findLogName(refs: RefStore, base: string): Promise<string | undefined> {
  if (base === '') return (await readHead(refs)).targetRef ?? HEAD
  return base === HEAD ? HEAD : findRefName(refs, base)
}

async function takeStep(
  source: RevisionSource,
  from: { id: ObjectId; step: RevisionStep; text: string },
): Promise<ObjectId> {
  const { id, step, text } = from
  if (step.kind === 'peel') {
    await source.pruned.assertKept(id)
    const { treeId } = await source.objects.readCommit(id)
    return step.to === 'tree' ? treeId : id
  }
  if (step.kind === 'parent') {
    const parentIds = await readParentIds(source, id)
    return step.number === 0 ? id : (parentIds[step.number - 1] ?? throwNoParent(id, text))
  }
  let ancestor = id
  for (let generation = 0; generation < step.generations; generation++) {
    const parentIds = await readParentIds(source, ancestor)
    ancestor = parentIds[0] ?? throwNoParent(ancestor, text)
  }
  return ancestor
}

/** A commit that was pruned still has its place in the history. */
async function readParentIds(
  { objects, pruned }: RevisionSource,
  id: ObjectId,
): Promise<readonly ObjectId[]> {
  return (await pruned.find(id))?.parentIds ?? (await objects.readCommit(id)).parentIds
}

function throwNoParent(id: ObjectId, text: string): never {
  throw unknown(text, `commit '${shortId(id)}' has no such parent`)
}

function unknown(
  revision: string,
  reason: string,
  hint = "run 'snap log --all' to list commits",
): SnapError {
  return new SnapError(
    'REVISION_UNKNOWN',
    `unknown revision '${revision}': ${reason}`,
    { revision },
    { hint },
  )
}

import { encodeCommit } from '../format/commit.ts'
import type { Commit, CommittedSource, NotCaptured, ObjectId, Selection } from '../format/values.ts'
import type { ObjectSink } from '../objects/object-sink.ts'
import { VERSION } from '../version.ts'
import type { Capture } from './capture-database.ts'

export interface CommitFacts {
  parentIds: ObjectId[]
  purpose: Commit['purpose']
  message: string
  author: Commit['author']
  createdAt: Date
  selection: Selection
  git: Commit['git']
  /** Of other datastores, ascending by name. */
  sources?: readonly CommittedSource[] | undefined
  /** What of these could not be captured. */
  notCaptured?: readonly NotCaptured[] | undefined
}

/** Makes a capture into a commit object in the sink; no ref names it yet. */
export async function putCommit(
  sink: ObjectSink,
  capture: Capture,
  facts: CommitFacts,
): Promise<{ commitId: ObjectId; commit: Commit }> {
  const commit: Commit = {
    treeId: capture.treeId,
    parentIds: facts.parentIds,
    purpose: facts.purpose,
    message: facts.message,
    author: facts.author,
    createdAt: facts.createdAt.toISOString(),
    database: capture.database,
    tools: { snap: VERSION, pgDump: capture.pgDumpVersion },
    selection: facts.selection,
    catalog: capture.catalog,
    notCaptured: [...capture.notCaptured, ...(facts.notCaptured ?? [])],
    migrations: capture.migrations,
    git: facts.git,
    ...(facts.sources?.length ? { sources: [...facts.sources] } : {}),
    ...(capture.walBase === undefined ? {} : { walBase: capture.walBase }),
  }
  return { commitId: await sink.put('metadata', encodeCommit(commit)), commit }
}

import {
  BRANCH_PREFIX,
  branchRefName,
  type HeadValue,
  nameCommit,
  readHead,
  resolveRevision,
  SnapError,
  type Store,
  shortId,
  shortRefName,
} from '../../src/store-index.ts'
import { findAuthor } from '../author.ts'
import type { Context } from '../context.ts'
import { deleteRef, type RefChangeJson } from '../delete-ref.ts'
import { ExitCode } from '../exit-codes.ts'
import { giveHint } from '../hint.ts'
import { titleOf } from '../output/commit-text.ts'
import { printable } from '../output/printable.ts'
import { formatBranches, type ListedBranch } from '../output/ref-text.ts'
import { pageOutput } from '../pager.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

export type BranchJson = BranchListJson | RefChangeJson

/** @title list */
interface BranchListJson {
  head: HeadValue
  branches: ListedBranch[]
}

export const defineBranch: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Without a name, lists the branches and marks the one HEAD is on. With one, makes a branch ' +
      "at a commit (HEAD unless another is named); 'snap checkout' of it then moves there.",
    examples: [
      ['snap branch', 'list the branches'],
      ['snap branch experiment', 'make one where HEAD is'],
      ['snap branch -d experiment', 'forget the name; the commits stay'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.conflict,
      ExitCode.refused,
      ExitCode.backend,
    ],
    seeAlso: ['snap tag', 'snap checkout', 'snap reflog', 'snap help revisions'],
  })
    .argument('[name]', 'the branch')
    .argument('[revision]', 'where it begins', 'HEAD')
    .option('-d, --delete', 'delete the branch')
    .action((name: string | undefined, revision: string, options: { delete?: true }) =>
      withStore(context, (store) => {
        if (options.delete) return deleteBranch(context, store, name)
        return name === undefined
          ? listBranches(context, store)
          : makeBranch(context, store, { name, revision })
      }),
    )
}

async function listBranches(context: Context, store: Store): Promise<void> {
  const { options, output } = context
  const head = await readHead(store.refs)
  const branches: ListedBranch[] = []
  for await (const ref of store.refs.list(BRANCH_PREFIX)) {
    const commit = await store.objects.readCommit(ref.id)
    branches.push({
      name: shortRefName(ref.name),
      commitId: ref.id,
      title: titleOf(commit),
      isCurrent: ref.name === head.targetRef,
    })
  }
  if (options.json) {
    output.json<BranchJson>({ head, branches })
    return
  }
  if (branches.length === 0 && head.id === null) {
    return giveHint(context, store, "there is no branch yet; 'snap commit' makes the first")
  }
  await pageOutput(context)
  output.result(...formatBranches(branches, head, output.style))
}

async function makeBranch(
  { io, options, output }: Context,
  store: Store,
  wanted: { name: string; revision: string },
): Promise<void> {
  const refName = branchRefName(wanted.name)
  const commitId = await resolveRevision(store, wanted.revision, { now: io.now() })
  await nameCommit(store, {
    name: refName,
    commitId,
    reason: { kind: 'branch', message: `branch: created from ${wanted.revision}` },
    author: await findAuthor(io),
    at: io.now(),
  })
  if (options.json) output.json<BranchJson>({ name: wanted.name, commitId })
  else output.note(`Branch '${printable(wanted.name)}' is at ${shortId(commitId)}`)
}

async function deleteBranch(
  context: Context,
  store: Store,
  name: string | undefined,
): Promise<void> {
  if (name === undefined) {
    throw new SnapError('USAGE', 'which branch to delete is missing', { argument: 'name' })
  }
  const refName = branchRefName(name)
  const head = await readHead(store.refs)
  if (head.targetRef === refName) {
    throw new SnapError(
      'USAGE',
      `cannot delete branch '${name}': HEAD is on it`,
      { argument: name },
      { hint: 'check out another branch first' },
    )
  }
  await deleteRef(context, store, { refName, name, what: 'branch' })
}

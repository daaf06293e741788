import { type ObjectId, resolveRevision, shortId, unpinCommit } from '../../src/store-index.ts'
import { findAuthor } from '../author.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

export interface UnpinJson {
  commitId: ObjectId
}

export const defineUnpin: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      "Takes a commit's pin away. The commit stays, until a rule of 'snap prune' does not keep it.",
    examples: [['snap unpin 3f2a91', 'let that commit be pruned again']],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.conflict,
      ExitCode.backend,
    ],
    seeAlso: ['snap pin', 'snap prune'],
  })
    .argument('<revision>', 'the pinned commit')
    .action((revision: string) => unpin(context, revision))
}

async function unpin(context: Context, revision: string): Promise<void> {
  const { io, options, output } = context
  await withStore(context, async (store) => {
    const commitId = await resolveRevision(store, revision, { now: io.now() })
    await unpinCommit(store, { commitId, author: await findAuthor(io), at: io.now() })
    if (options.json) output.json<UnpinJson>({ commitId })
    else output.note(`${shortId(commitId)} is not pinned any more`)
  })
}

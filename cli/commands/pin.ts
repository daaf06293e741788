import {
  listPins,
  type ObjectId,
  type Pin,
  pinCommit,
  resolveRevision,
  type Store,
  shortId,
} from '../../src/store-index.ts'
import { findAuthor } from '../author.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { giveHint } from '../hint.ts'
import { titleOf } from '../output/commit-text.ts'
import { formatPins } from '../output/ref-text.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

export type PinJson = PinListJson | PinnedJson

/** @title list */
interface PinListJson {
  pins: (Pin & { title: string })[]
}

/** @title pin */
interface PinnedJson {
  commitId: ObjectId
  /** False: it was pinned already. */
  isNew: boolean
}

export const definePin: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      "Without a revision, lists the pinned commits. With one, pins that commit: 'snap prune' " +
      'never removes it, whatever its rules say. A pin has no name to think of and is not in the ' +
      'way of tags; pinning what is pinned changes nothing.',
    examples: [
      ['snap pin', 'list what is pinned, and why'],
      ["snap pin HEAD -m 'before the move to the new servers'", 'pin the commit HEAD is at'],
      ['snap unpin 3f2a91', 'let it be pruned again'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.conflict,
      ExitCode.backend,
    ],
    seeAlso: ['snap unpin', 'snap tag', 'snap prune'],
  })
    .argument('[revision]', 'the commit to pin')
    .option('-m, --message <text>', 'why it must stay')
    .action((revision: string | undefined, options: { message?: string }) =>
      withStore(context, (store) =>
        revision === undefined
          ? list(context, store)
          : pin(context, store, { revision, message: options.message }),
      ),
    )
}

async function list(context: Context, store: Store): Promise<void> {
  const { options, output } = context
  const pins: PinListJson['pins'] = []
  for await (const entry of listPins(store)) {
    pins.push({ ...entry, title: titleOf(await store.objects.readCommit(entry.commitId)) })
  }
  if (options.json) {
    output.json<PinJson>({ pins })
    return
  }
  if (pins.length === 0) {
    return giveHint(
      context,
      store,
      "nothing is pinned; 'snap pin REVISION' keeps a commit from 'snap prune'",
    )
  }
  output.result(...formatPins(pins, output.style))
}

async function pin(
  { io, options, output }: Context,
  store: Store,
  wanted: { revision: string; message: string | undefined },
): Promise<void> {
  const commitId = await resolveRevision(store, wanted.revision, { now: io.now() })
  const isNew = await pinCommit(store, {
    commitId,
    message: wanted.message ?? 'by hand',
    author: await findAuthor(io),
    at: io.now(),
  })
  if (options.json) output.json<PinJson>({ commitId, isNew })
  else output.note(`${shortId(commitId)} ${isNew ? 'is pinned' : 'was pinned already'}`)
}

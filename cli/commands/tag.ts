import {
  nameCommit,
  resolveRevision,
  SnapError,
  type Store,
  shortId,
  shortRefName,
  TAG_PREFIX,
  tagRefName,
} from '../../src/store-index.ts'
import { findAuthor } from '../author.ts'
import type { Context } from '../context.ts'
import { deleteRef, type RefChangeJson } from '../delete-ref.ts'
import { ExitCode } from '../exit-codes.ts'
import { giveHint } from '../hint.ts'
import { titleOf } from '../output/commit-text.ts'
import { printable } from '../output/printable.ts'
import { formatTags, type ListedRef } from '../output/ref-text.ts'
import { pageOutput } from '../pager.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface TagOptions {
  delete?: true
  message?: string
}

export type TagJson = TagListJson | RefChangeJson

/** @title list */
interface TagListJson {
  tags: ListedRef[]
}

export const defineTag: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Without a name, lists the tags. With one, gives that name to a commit (HEAD unless another ' +
      "is named), so that it can be found again; 'snap prune' keeps what has a tag.",
    examples: [
      ['snap tag', 'list the tags'],
      ['snap tag before-step-6', 'name the commit HEAD is at'],
      ["snap tag -m 'as released' v1 HEAD~2", 'name another, and say why'],
      ['snap tag -d before-step-6', 'forget the name; the commit stays'],
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
    seeAlso: ['snap branch', 'snap pin', 'snap help revisions'],
  })
    .argument('[name]', 'the tag')
    .argument('[revision]', 'what it names', 'HEAD')
    .option('-d, --delete', 'delete the tag')
    .option('-m, --message <text>', 'why it is made; shown by reflog')
    .action((name: string | undefined, revision: string, options: TagOptions) =>
      withStore(context, (store) => {
        if (options.delete) return deleteTag(context, store, name)
        return name === undefined
          ? listTags(context, store)
          : makeTag(context, store, { name, revision, message: options.message })
      }),
    )
}

async function listTags(context: Context, store: Store): Promise<void> {
  const { options, output } = context
  const tags: ListedRef[] = []
  for await (const ref of store.refs.list(TAG_PREFIX)) {
    const commit = await store.objects.readCommit(ref.id)
    tags.push({ name: shortRefName(ref.name), commitId: ref.id, title: titleOf(commit) })
  }
  if (options.json) {
    output.json<TagJson>({ tags })
    return
  }
  if (tags.length === 0) {
    return giveHint(context, store, "there is no tag yet; 'snap tag NAME' names a commit")
  }
  await pageOutput(context)
  output.result(...formatTags(tags, output.style))
}

async function makeTag(
  context: Context,
  store: Store,
  wanted: { name: string; revision: string; message: string | undefined },
): Promise<void> {
  const { io, options, output } = context
  const refName = tagRefName(wanted.name)
  const commitId = await resolveRevision(store, wanted.revision, { now: io.now() })
  await nameCommit(store, {
    name: refName,
    commitId,
    reason: { kind: 'tag', message: wanted.message ?? `tag: ${wanted.revision}` },
    author: await findAuthor(io),
    at: io.now(),
  })
  if (options.json) output.json<TagJson>({ name: wanted.name, commitId })
  else output.note(`Tag '${printable(wanted.name)}' is at ${shortId(commitId)}`)
}

async function deleteTag(context: Context, store: Store, name: string | undefined): Promise<void> {
  if (name === undefined) {
    throw new SnapError('USAGE', 'which tag to delete is missing', { argument: 'name' })
  }
  await deleteRef(context, store, { refName: tagRefName(name), name, what: 'tag' })
}

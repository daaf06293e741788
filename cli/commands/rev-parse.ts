import { type ObjectId, resolveRevision } from '../../src/store-index.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

export interface RevParseJson {
  commitIds: ObjectId[]
}

export const defineRevParse: DefineCommand = (command, context) => {
  describeCommand(command, {
    description: 'Prints the whole id of the commit that each revision names, one a line.',
    examples: [
      ['snap rev-parse HEAD', 'the id of the commit HEAD is at'],
      ["snap rev-parse 'main@{1}' before-step-6", 'of where main was before, and of a tag'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.backend,
    ],
    seeAlso: ['snap log', 'snap reflog', 'snap help revisions'],
  })
    .argument('<revision...>', 'what to resolve')
    .action((revisions: string[]) => revParse(context, revisions))
}

async function revParse(context: Context, revisions: readonly string[]): Promise<void> {
  const now = context.io.now()
  const commitIds = await withStore(context, (store) =>
    Promise.all(revisions.map((revision) => resolveRevision(store, revision, { now }))),
  )
  if (context.options.json) context.output.json<RevParseJson>({ commitIds })
  else context.output.result(...commitIds)
}

import {
  branchRefName,
  findClosestName,
  type RefRecord,
  SnapError,
  type Store,
  shortId,
  shortRefName,
  tagRefName,
} from '../../src/store-index.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { printable } from '../output/printable.ts'
import { formatTime } from '../output/times.ts'
import { pageOutput } from '../pager.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

/** One move, a line. */
export type ReflogJson = RefRecord

export const defineReflog: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Lists every place a ref has pointed at, newest first, and why it moved: the way back to ' +
      'commits that no branch leads to any more. Under --json every move is one line.',
    examples: [
      ['snap reflog', 'where HEAD has been'],
      ['snap reflog main', 'where a branch has been, also a deleted one'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.backend,
    ],
    seeAlso: ['snap log', 'snap ops', 'snap help revisions'],
  })
    .argument('[ref]', 'HEAD, a branch or a tag', 'HEAD')
    .action((ref: string) => withStore(context, (store) => reflog(context, store, ref)))
}

async function reflog(context: Context, store: Store, ref: string): Promise<void> {
  const { options, output } = context
  await pageOutput(context)
  const refName = await findLoggedRef(store, ref)
  let place = 0
  for await (const record of store.refs.log(refName)) {
    if (options.json) {
      await output.jsonLine<ReflogJson>(record)
    } else {
      const where = `${printable(shortRefName(refName))}@{${place}}`
      const when = formatTime(new Date(record.at), output.style.clock)
      await output.resultLines(
        `${output.colors.yellow(describeValue(record))} ${where}: ` +
          `${printable(record.reason.message)} ${output.colors.dim(`(${when})`)}`,
      )
    }
    place += 1
  }
}

/** A ref that is deleted still has its log. */
async function findLoggedRef(store: Store, ref: string): Promise<string> {
  const isWhole = ref === 'HEAD' || ref.startsWith('refs/')
  const candidates = isWhole ? [ref] : [branchRefName(ref), tagRefName(ref)]
  for (const refName of candidates) {
    if ((await store.refs.findRecord(refName)) !== undefined) return refName
  }
  const names: string[] = []
  for await (const { name } of store.refs.list('refs/')) names.push(shortRefName(name))
  const guess = findClosestName(ref, names)
  throw new SnapError(
    'REF_MISSING',
    `there is no ref '${ref}'`,
    { refName: ref },
    guess === undefined ? {} : { hint: `did you mean ${guess}?` },
  )
}

/** As wide as a short id: the ref was deleted, or HEAD's branch had no commit yet. */
const NOWHERE = '-'.repeat(12)

function describeValue(record: RefRecord): string {
  return record.newId === null ? NOWHERE : shortId(record.newId)
}

import { type FsckReport, fsck } from '../../src/store-index.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { formatFsckReport } from '../output/fsck-text.ts'
import { withBackend } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

export type FsckJson = FsckReport

export const defineFsck: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Reads every byte of the store and checks it: packs, objects against their ids, trees, ' +
      'refs and reflogs. It changes nothing. Each finding has a code, and names the commits ' +
      'that cannot be restored whole because of it.',
    examples: [
      ['snap fsck', 'check everything'],
      ['snap fsck --json', 'the findings, for a program'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.different,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.backend,
    ],
    seeAlso: ['snap doctor', 'snap gc', 'snap help store', 'snap help recovery'],
  }).action(() => check(context))
}

async function check(context: Context): Promise<void> {
  const { io, options, output, reporter } = context
  context.interruptedState = 'nothing was changed: fsck only reads'
  const { findings, totals } = await withBackend(context, (backend) =>
    fsck(backend, { reporter, signal: io.signal }),
  )
  if (findings.length > 0) context.exitCode = ExitCode.different
  if (options.json) {
    output.json<FsckJson>({ findings, totals })
    return
  }
  output.result(...formatFsckReport({ findings, totals }, output.colors))
}

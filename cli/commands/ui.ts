import { ExitCode } from '../exit-codes.ts'
import { type DefineCommand, describeCommand } from './command.ts'

/** none: --json is refused */
export type UiJson = never

export const defineUi: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Shows the history, commits, differences and rows on the whole screen, and plans, confirms, ' +
      'follows and undoes checkouts there. Each screen names its keys and the command that does ' +
      'the same; ? lists every key. It wants a terminal of at least 80x24 characters on stdin ' +
      'and stdout, and ends with 2 without one. Whatever ends it, the terminal is as it was ' +
      'before. Ctrl-C stops a checkout that runs, and the database stays as it was; otherwise it ' +
      'leaves, with 130.',
    examples: [
      ['snap ui', 'the store of this directory'],
      ['snap ui --color never', 'without colours'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.backend,
      ExitCode.interrupted,
    ],
    seeAlso: ['snap log', 'snap diff', 'snap checkout', 'snap ops'],
  }).action(async () => {
    // Ink and React take a third of a second to load; no other command has a use for them.
    const { runUi } = await import('../ui/run-ui.ts')
    await runUi(context)
  })
}

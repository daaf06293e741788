import type { Context } from '../context.ts'
import { type DemoResult, runDemo } from '../demo/run-demo.ts'
import { ExitCode } from '../exit-codes.ts'
import { type DefineCommand, describeCommand } from './command.ts'

export type DemoJson = DemoResult

export const defineDemo: DefineCommand = (command, context: Context) => {
  describeCommand(command, {
    description:
      'Shows what snap does, with the real commands on a real server: starts a temporary ' +
      'PostgreSQL, fills it with a small shop, commits, lets a migration go wrong, checks out, ' +
      'and compares. Needs no installed PostgreSQL, and leaves nothing behind.',
    examples: [['snap demo', 'takes a few seconds']],
    exitCodes: [ExitCode.done, ExitCode.usage, ExitCode.postgres],
    seeAlso: ['snap init', 'snap commit', 'snap checkout'],
  }).action(() => runDemo(context))
}

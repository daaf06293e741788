import { readFileSync } from 'node:fs'
import { Argument } from 'commander'
import { SHELLS, type Shell } from '../completion/shells.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { formatHelpText } from '../help-topics.ts'
import { type DefineCommand, describeCommand } from './command.ts'

export interface CompletionJson {
  shell: 'bash' | 'zsh' | 'fish'
  script: string
}

export const defineCompletion: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Prints a script that has the shell complete commands, options and their values, and what is ' +
      'in the store: revisions, tables, branches, tags, operations, keys of the configuration, ' +
      'aliases. The script asks snap itself each time, so that it need not be made again for a ' +
      'newer version; no database is asked.',
    examples: [
      [
        'snap completion bash > ~/.local/share/bash-completion/completions/snap',
        'with bash-completion',
      ],
      [`echo 'eval "$(snap completion bash)"' >> ~/.bashrc`, 'without it'],
      [`snap completion zsh > "\${fpath[1]}/_snap"`, 'in a directory of $fpath; compinit must run'],
      ['snap completion fish > ~/.config/fish/completions/snap.fish', 'for fish'],
    ],
    exitCodes: [ExitCode.done, ExitCode.usage],
    seeAlso: ['snap config', 'snap help revisions'],
  })
    .addArgument(new Argument('<shell>', 'for which shell').choices(SHELLS))
    .addHelpText('after', () => `\n${formatHelpText('completion')}`)
    .action((shell: Shell) => completion(context, shell))
}

function completion({ options, output }: Context, shell: Shell): void {
  const script = readFileSync(new URL(`../completion/snap.${shell}`, import.meta.url), 'utf8')
  if (options.json) output.json<CompletionJson>({ shell, script })
  else output.result(script.trimEnd())
}

import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { EXIT_CODE_MEANINGS, type ExitCode } from '../exit-codes.ts'
import { describeKeys, readSchema } from '../json-schemas.ts'

/** Gives a command its arguments, options, help and action. */
export type DefineCommand = (command: Command, context: Context) => void

/** A command as the list of all commands knows it: enough for `snap --help`, without loading what runs it. */
export interface CommandEntry {
  name: string
  summary: string
  load(): Promise<DefineCommand>
}

export interface CommandHelp {
  /** One paragraph. */
  description: string
  /** Command lines that can be typed as they stand, each with what it does. */
  examples: readonly (readonly [commandLine: string, meaning: string])[]
  /** Every exit code it can end with, apart from a bug's, an interruption's and a closed output's. */
  exitCodes: readonly ExitCode[]
  /** Where to read on: `snap NAME`, or `snap help TOPIC`. */
  seeAlso: readonly string[]
}

/** Writes a command's help: the paragraph above its options, all else below. */
export function describeCommand(command: Command, help: CommandHelp): Command {
  const examples = help.examples.map(([line, meaning]) => `  ${line}\n      ${meaning}`)
  const exitCodes = help.exitCodes.map((code) => `  ${code}  ${EXIT_CODE_MEANINGS[code]}`)
  return command
    .description(help.description)
    .addHelpText('after', ['', 'Examples:', ...examples].join('\n'))
    .addHelpText('after', () => ['', 'JSON keys:', ...jsonKeys(command.name())].join('\n'))
    .addHelpText('after', ['', 'Exit codes:', ...exitCodes].join('\n'))
    .addHelpText('after', ['', 'See also:', `  ${help.seeAlso.join(', ')}`].join('\n'))
}

/** Read when help is shown: the schema of a command is larger than the command. */
function jsonKeys(name: string): string[] {
  return describeKeys(readSchema(name)).map((line) => `  ${line}`)
}

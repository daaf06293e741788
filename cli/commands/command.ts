import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { EXIT_CODE_MEANINGS, type ExitCode } from '../exit-codes.ts'

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
  /** The keys of the document that `--json` prints, in order; by use where uses print different ones. */
  jsonKeys: readonly string[] | Readonly<Record<string, readonly string[]>>
}

/** Writes a command's help: the paragraph above its options; examples, JSON keys and exit codes below. */
export function describeCommand(command: Command, help: CommandHelp): Command {
  const examples = help.examples.map(([line, meaning]) => `  ${line}\n      ${meaning}`)
  const exitCodes = help.exitCodes.map((code) => `  ${code}  ${EXIT_CODE_MEANINGS[code]}`)
  const jsonKeys = formatJsonKeys(help.jsonKeys).map((line) => `  ${line}`)
  const sections = ['', 'Examples:', ...examples, '', 'JSON keys:', ...jsonKeys]
  sections.push('', 'Exit codes:', ...exitCodes)
  return command.description(help.description).addHelpText('after', sections.join('\n'))
}

function formatJsonKeys(jsonKeys: CommandHelp['jsonKeys']): string[] {
  if (isList(jsonKeys)) return [jsonKeys.join(', ')]
  return Object.entries(jsonKeys).map(([use, keys]) => `${use}: ${keys.join(', ')}`)
}

function isList(jsonKeys: CommandHelp['jsonKeys']): jsonKeys is readonly string[] {
  return Array.isArray(jsonKeys)
}

import { findClosestName, SnapError } from '../src/index.ts'
import { readAliases } from './alias.ts'
import { ALL_COMMANDS } from './commands/all-commands.ts'
import type { Context } from './context.ts'
import { formatTopic, HELP_TOPICS } from './help-topics.ts'
import { printable } from './output/printable.ts'

/**
 * Prints the text of a topic, or what an alias stands for.
 *
 * @throws USAGE  there is no such command, topic or alias
 */
export async function showTopic(context: Context, name: string): Promise<void> {
  const { output } = context
  const topic = HELP_TOPICS.find((each) => each.name === name)
  if (topic !== undefined) {
    output.result(formatTopic(topic))
    return
  }
  const aliases = await readAliases(context)
  const line = aliases[name]
  if (line !== undefined) {
    output.result(`'${printable(name)}' stands for 'snap ${printable(line)}'`)
    return
  }
  const known = [...ALL_COMMANDS, ...HELP_TOPICS].map((each) => each.name)
  const guess = findClosestName(name, [...known, ...Object.keys(aliases)])
  throw new SnapError(
    'USAGE',
    `there is no command or topic '${name}'`,
    { argument: name },
    { hint: guess === undefined ? "'snap help' lists them" : `did you mean ${guess}?` },
  )
}

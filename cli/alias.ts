/**
 * Aliases of the configuration: `snap last` for `snap log -n 5`.
 *
 * Nothing is read unless the first word names no command, so that a command never depends on the
 * configuration of aliases, and none can be hidden by one.
 */
import type { Command } from 'commander'
import { isCommandName } from './commands/all-commands.ts'
import type { Context } from './context.ts'
import { findFirstOperand } from './first-operand.ts'
import { parseShellWords } from './shell-words.ts'

/**
 * Replaces an alias by what it stands for, which may begin with another alias.
 *
 * @param program  with its global options
 * @returns        the same words where the first names no alias
 * @throws USAGE           aliases lead back to one another
 * @throws CONFIG_INVALID  the file that may have it cannot be read
 */
export async function expandAliases(
  program: Command,
  words: readonly string[],
  context: Context,
): Promise<readonly string[]> {
  let expanded = words
  const passed: string[] = []
  for (;;) {
    const at = findFirstOperand(program, expanded)
    const name = at === undefined ? undefined : expanded[at]!
    if (at === undefined || name === undefined || isCommandName(name)) return expanded
    // What shells ask is no name that an alias could have.
    if (name.startsWith('__')) return expanded
    // Now that a store is looked for, its options count.
    program.parseOptions([...expanded])
    const line = (await readAliases(context))[name]
    if (line === undefined) return expanded
    if (passed.includes(name)) throw await leadsBack([...passed, name])
    passed.push(name)
    expanded = [...expanded.slice(0, at), ...parseShellWords(line), ...expanded.slice(at + 1)]
  }
}

/** Returns the aliases by name; none where there is no store. */
export async function readAliases(context: Context): Promise<Readonly<Record<string, string>>> {
  const { isSnapError } = await import('../src/index.ts')
  const { storeDirectory } = await import('./store.ts')
  const { readConfigOf } = await import('./config-file.ts')
  try {
    const { config } = await readConfigOf(await storeDirectory(context), context)
    return { ...config.alias }
  } catch (error) {
    if (isSnapError(error, 'STORE_NOT_FOUND')) return {}
    throw error
  }
}

async function leadsBack(names: readonly string[]): Promise<Error> {
  const { SnapError } = await import('../src/index.ts')
  return new SnapError(
    'USAGE',
    `the alias '${names[0]}' leads back to itself: ${names.join(' → ')}`,
    { argument: names[0]! },
    { hint: `'snap config get alias.${names[0]}' shows what it stands for` },
  )
}

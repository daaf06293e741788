import type { Store } from '../src/index.ts'
import type { Context } from './context.ts'

/** After a plan of what would be done. */
export const DRY_RUN_HINT = 'leave out --dry-run to do this'

/** Says on stderr what may be done next, unless SNAP_HINTS=0, the configuration or --quiet do not want that. */
export async function giveHint(context: Context, store: Store, ...hints: string[]): Promise<void> {
  const { io, options, output } = context
  if (options.quiet === true || options.json === true || io.environment.SNAP_HINTS === '0') return
  if (!(await areHintsWanted(context, store))) return
  output.note(...hints.map((hint) => `hint: ${hint}`))
}

/**
 * A result must not fail over a mistake in a file that is about much else: the commands that need the
 * rest of it name the mistake.
 */
async function areHintsWanted(context: Context, store: Store): Promise<boolean> {
  // What reads the file takes longer to load than most results take to be shown.
  const { readConfigFile } = await import('./config-file.ts')
  try {
    return (await readConfigFile(store, context)).config.hints
  } catch {
    return true
  }
}

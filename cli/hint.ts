import type { Store } from '../src/index.ts'
import type { Context } from './context.ts'
import { readTextSettings } from './text-settings.ts'

/** After a plan of what would be done. */
export const DRY_RUN_HINT = 'leave out --dry-run to do this'

/** Says on stderr what may be done next, unless SNAP_HINTS=0, the configuration or --quiet do not want that. */
export async function giveHint(context: Context, store: Store, ...hints: string[]): Promise<void> {
  const { io, options, output } = context
  if (options.quiet === true || options.json === true || io.environment.SNAP_HINTS === '0') return
  if (!(await readTextSettings(context, store)).hints) return
  output.note(...hints.map((hint) => `hint: ${hint}`))
}

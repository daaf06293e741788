import type { Store } from '../src/index.ts'
import type { Context } from './context.ts'
import { requireCommand } from './guarded-run/find-command.ts'
import { printable } from './output/printable.ts'
import { readTextSettings } from './text-settings.ts'

/** What `less` does unless told otherwise: end if all fits on the screen, keep colours, and leave the text there. */
const LESS_OPTIONS = 'FRX'

/**
 * Has what the command prints from now on shown by a pager: on a terminal that can move its cursor,
 * and as SNAP_PAGER, the configuration or PAGER want it, in this order, or with `less`.
 */
export async function pageOutput(context: Context, store: Store): Promise<void> {
  const { io, options, output } = context
  const isOnScreen = io.stdout.isTTY === true && io.environment.TERM !== 'dumb'
  if (!options.pager || options.json === true || !isOnScreen) return
  const wanted = await findWantedPager(context, store)
  const command = commandOf(wanted ?? 'less')
  if (command === undefined) return
  try {
    await requireCommand(command[0], io)
  } catch (error) {
    // Nobody asked for `less`: where there is none, the result is printed as it is.
    if (wanted !== undefined) {
      output.note(`warning: no pager: ${printable((error as Error).message)}`)
    }
    return
  }
  const environment = { ...io.environment }
  environment.LESS ??= LESS_OPTIONS
  output.pageWith(() =>
    io.startPager(command, { environment, workingDirectory: io.workingDirectory }),
  )
}

async function findWantedPager(context: Context, store: Store): Promise<string | undefined> {
  const { SNAP_PAGER, PAGER } = context.io.environment
  if (SNAP_PAGER !== undefined) return SNAP_PAGER
  return (await readTextSettings(context, store)).pager ?? PAGER
}

/** Returns the command to run, with a shell where one is needed to understand it; nothing for no pager. */
function commandOf(text: string): [string, ...string[]] | undefined {
  if (text.trim() === '' || text.trim() === 'cat') return undefined
  if (/[^\w\s./:=,+@%-]/.test(text)) return ['/bin/sh', '-c', text]
  const [name, ...argv] = text.trim().split(/\s+/)
  return [name!, ...argv]
}

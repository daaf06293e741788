import type { Context } from './context.ts'
import { printable } from './output/printable.ts'

/** What `less` does unless told otherwise: end if all fits on the screen, keep colours, and leave the text there. */
const LESS_OPTIONS = 'FRX'

/**
 * Has what the command prints from now on shown by a pager: on a terminal that can move its cursor,
 * and as SNAP_PAGER or PAGER want it, in this order, or with `less`.
 *
 * No configuration names it: that file comes with a project, and to look at a history is not to run
 * what a stranger wrote there.
 */
export async function pageOutput(context: Context): Promise<void> {
  const { io, options, output } = context
  const isOnScreen = io.stdout.isTTY === true && io.environment.TERM !== 'dumb'
  if (!options.pager || options.json === true || !isOnScreen) return
  const wanted = io.environment.SNAP_PAGER ?? io.environment.PAGER
  const command = commandOf(wanted ?? 'less')
  if (command === undefined) return
  const { requireCommand } = await import('./guarded-run/find-command.ts')
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

/** Returns the command to run, with a shell where one is needed to understand it; nothing for no pager. */
function commandOf(text: string): [string, ...string[]] | undefined {
  if (text.trim() === '' || text.trim() === 'cat') return undefined
  if (/[^\w\s./:=,+@%-]/.test(text)) return ['/bin/sh', '-c', text]
  const [name, ...argv] = text.trim().split(/\s+/)
  return [name!, ...argv]
}

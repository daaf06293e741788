import { SnapError } from '../../src/index.ts'
import type { Context } from '../context.ts'
import type { TerminalSize } from './state.ts'
import { isLargeEnough, MIN_SIZE } from './terminal-size.ts'

/**
 * Returns the size of the terminal, if it is one that screens can be drawn on.
 *
 * @throws USAGE                --json was given
 * @throws TERMINAL_UNSUITABLE  there is none, it cannot move its cursor, or it is too small
 */
export function requireTerminal({ io, options }: Context): TerminalSize {
  if (options.json === true) {
    throw new SnapError(
      'USAGE',
      "'snap ui' has no result that --json could print",
      { argument: '--json' },
      { hint: PLAIN_COMMANDS },
    )
  }
  if (io.stdin.isTTY !== true) throw unsuitable('stdin is not a terminal')
  if (io.stdout.isTTY !== true) throw unsuitable('stdout is not a terminal')
  const { TERM } = io.environment
  if (TERM === 'dumb') throw unsuitable("TERM is 'dumb': the terminal cannot move its cursor")
  const size = { columns: io.stdout.columns ?? 0, rows: io.stdout.rows ?? 0 }
  if (isLargeEnough(size)) return size
  throw unsuitable(
    `it has ${size.columns}x${size.rows} characters, and ${MIN_SIZE.columns}x${MIN_SIZE.rows} are needed`,
  )
}

const PLAIN_COMMANDS =
  "'snap log', 'snap show', 'snap diff', 'snap cat', 'snap checkout', 'snap ops' and 'snap fsck' do the same without screens"

function unsuitable(reason: string): SnapError {
  return new SnapError(
    'TERMINAL_UNSUITABLE',
    `cannot draw on this terminal: ${reason}`,
    { reason },
    { hint: PLAIN_COMMANDS },
  )
}

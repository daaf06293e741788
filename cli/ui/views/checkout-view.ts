import type { Colors } from '../../output/colors.ts'
import { fitWidth } from '../../output/fit-width.ts'
import { printable } from '../../output/printable.ts'
import { describeProgress } from '../../output/progress-state.ts'
import { formatCount, formatSize } from '../../output/units.ts'
import { textOf } from '../items.ts'
import type { CheckoutScreen } from '../state.ts'
import { type Look, windowOf } from './view.ts'

/** The plan and its question; while it is carried out, every table; then what was done. */
export function viewCheckout(screen: CheckoutScreen, look: Look): string[] {
  const { stage, scroll } = screen
  const isWorking = stage.kind === 'applying' || stage.kind === 'stopping'
  const body = isWorking
    ? viewTables(screen, look)
    : windowOf(textOf(screen, look.width), scroll, look).map((line) => paintLine(line, look.colors))
  return [...viewStage(screen, look), ...body]
}

/** Two lines: what is going on, and what is asked or how far it is. */
function viewStage(screen: CheckoutScreen, { colors }: Look): string[] {
  const { stage, progress, progressAtMs, typed } = screen
  const howFar = progress === null ? '' : describeProgress(progress, progressAtMs)
  switch (stage.kind) {
    case 'planning':
      return [colors.cyan('Planning; nothing is changed …'), howFar]
    case 'asking':
      return [
        colors.bold(stage.question),
        stage.needed === 'databaseName' ? `${printable(typed)}█` : 'y or n',
      ]
    case 'applying':
      return [colors.cyan('Restoring, in one transaction …'), howFar]
    case 'stopping':
      return [colors.yellow('Stopping; the database will be as it was …'), howFar]
    case 'done':
      return [colors.green('Done.'), stage.canUndo ? "u takes it back, as 'snap undo' does" : '']
    case 'ended':
      return [colors.red('Not done.'), '']
  }
}

/** Those that are worked on stand first, then what is done, newest first. */
function viewTables({ progress }: CheckoutScreen, { width, height }: Look): string[] {
  const tables = [...(progress?.tables ?? [])].toReversed()
  const running = tables.filter(([, { isDone }]) => !isDone)
  const done = tables.filter(([, { isDone }]) => isDone)
  const nameWidth = Math.max(20, width - 40)
  return [...running, ...done]
    .slice(0, height)
    .map(([name, { rowCount, sizeBytes, isDone }]) =>
      [
        fitWidth(` ${printable(name)}`, nameWidth),
        fitWidth(`${formatCount(rowCount)} rows`, 18, 'right'),
        fitWidth(formatSize(sizeBytes), 11, 'right'),
        isDone ? '  done' : '  …',
      ].join(''),
    )
}

/** What will be lost, and what went wrong, stands out. */
function paintLine(line: string, colors: Colors): string {
  if (line.startsWith('Will be lost')) return colors.yellow(line)
  if (line.startsWith('fatal:') || line.startsWith('Protected:')) return colors.red(line)
  return line.startsWith('Proven') ? colors.green(line) : line
}

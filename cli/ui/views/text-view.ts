import type { Colors } from '../../output/colors.ts'
import { createColors } from '../../output/colors.ts'
import { fitWidth } from '../../output/fit-width.ts'
import { formatOperationCells } from '../../output/operation-text.ts'
import { textOf } from '../items.ts'
import type { OperationsScreen, StoreScreen, TextScreen } from '../state.ts'
import { asChosen, type Look, windowOf } from './view.ts'

export function viewText(screen: TextScreen, look: Look): string[] {
  return windowOf(textOf(screen, look.width), screen.scroll, look).map((line) =>
    paintDiff(line, look.colors),
  )
}

/** As `snap diff --schema` paints it; SQL has few lines that begin so, and they are comments. */
function paintDiff(line: string, colors: Colors): string {
  if (line.startsWith('@@')) return colors.cyan(line)
  if (line.startsWith('--')) return colors.dim(line)
  if (line.startsWith('-')) return colors.red(line)
  return line.startsWith('+') ? colors.green(line) : line
}

const PLAIN = createColors(false)
const WIDTHS = [5, 16, 13, 16, 26] as const

export function viewOperations({ operations, scroll }: OperationsScreen, look: Look): string[] {
  if (operations === null) return [' Reading the log of operations …']
  if (operations.length === 0) return [' Nothing was done with this store yet.']
  const titles = ['no', 'when', 'took', 'how it ended', 'changed', 'command']
  // Where there is no room for all, what it changed is told when it is opened.
  const isNarrow = look.width < 110
  const line = (cells: readonly string[]) =>
    fitWidth(
      cells
        .flatMap((cell, i) => {
          if (isNarrow && i === 4) return []
          const width = WIDTHS[i]
          return [width === undefined ? cell : fitWidth(cell, width, i === 0 ? 'right' : 'left')]
        })
        .join(' '),
      look.width - 1,
    )
  return [
    look.colors.dim(` ${line(titles)}`),
    ...windowOf(operations, scroll, look).map(({ operation, state }, i) => {
      const cells = formatOperationCells(operation, state, {
        colors: PLAIN,
        clock: { now: look.now, date: null },
      })
      const isChosen = scroll.top + i === scroll.cursor
      const { red, cyan } = look.colors
      const text = line(cells)
      const isBad = state === 'failed' || state === 'unfinished'
      const painted = isBad ? red(text) : state === 'running' ? cyan(text) : text
      return asChosen(isChosen ? text : painted, isChosen, look)
    }),
  ]
}

export function viewStore(screen: StoreScreen, look: Look): string[] {
  const { lines, job, scroll } = screen
  if (lines === null) return [' Measuring the store …']
  const isRunning = job !== null && job.lines === null
  const title = job?.kind === 'prune' ? 'Previewing a prune' : 'Checking every byte'
  return [
    isRunning ? look.colors.cyan(`${title} … ${job.progress}`) : '',
    '',
    ...windowOf(textOf(screen, look.width), scroll, look),
  ]
}

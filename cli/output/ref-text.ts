import { type HeadValue, type ObjectId, shortId } from '../../src/store-index.ts'
import { printable } from './printable.ts'
import type { TextStyle } from './text-style.ts'
import { formatTable, MIN_TITLE_WIDTH } from './text-table.ts'
import { formatTime } from './times.ts'

/** A ref, and the first line of its commit's message. */
export interface ListedRef {
  name: string
  commitId: ObjectId
  title: string
}

export interface ListedBranch extends ListedRef {
  isCurrent: boolean
}

/** One line a branch; a detached HEAD is on none, and the list must not look as if nothing were checked out. */
export function formatBranches(
  branches: readonly ListedBranch[],
  head: HeadValue,
  style: TextStyle,
): string[] {
  const { green, yellow } = style.colors
  const rows = branches.map(({ name, commitId, title, isCurrent }) => [
    isCurrent ? '*' : '',
    isCurrent ? green(printable(name)) : printable(name),
    yellow(shortId(commitId)),
    title,
  ])
  const detached =
    head.targetRef === null && head.id !== null
      ? [['*', '(detached HEAD)', yellow(shortId(head.id)), '']]
      : []
  return formatTable(
    [{}, { shrinksTo: MIN_TITLE_WIDTH }, {}, { shrinksTo: MIN_TITLE_WIDTH }],
    [...detached, ...rows],
    style,
  )
}

export function formatTags(tags: readonly ListedRef[], style: TextStyle): string[] {
  const { yellow } = style.colors
  const rows = tags.map(({ name, commitId, title }) => [
    printable(name),
    yellow(shortId(commitId)),
    title,
  ])
  return formatTable(
    [{ shrinksTo: MIN_TITLE_WIDTH }, {}, { shrinksTo: MIN_TITLE_WIDTH }],
    rows,
    style,
  )
}

export interface ListedPin {
  commitId: ObjectId
  title: string
  message: string
  pinnedAt: string
}

export function formatPins(pins: readonly ListedPin[], style: TextStyle): string[] {
  const rows = pins.map(({ commitId, title, message, pinnedAt }) => [
    style.colors.yellow(shortId(commitId)),
    title,
    `pinned ${formatTime(new Date(pinnedAt), style.clock)}: ${printable(message)}`,
  ])
  return formatTable(
    [{}, { shrinksTo: MIN_TITLE_WIDTH }, { shrinksTo: MIN_TITLE_WIDTH }],
    rows,
    style,
  )
}

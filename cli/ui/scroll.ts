/** Where a list, or a text, stands on the screen. Pure. */
export interface Scroll {
  /** The line that keys act on, 0-based. */
  cursor: number
  /** The first line on the screen. */
  top: number
}

export type Motion = 'up' | 'down' | 'pageUp' | 'pageDown' | 'first' | 'last'

export const AT_TOP: Scroll = { cursor: 0, top: 0 }

/** Moves the cursor; the window follows it. */
export function moveCursor(
  scroll: Scroll,
  motion: Motion,
  { itemCount, height }: { itemCount: number; height: number },
): Scroll {
  const steps: Readonly<Record<Motion, number>> = {
    up: -1,
    down: 1,
    pageUp: -Math.max(1, height - 1),
    pageDown: Math.max(1, height - 1),
    first: -scroll.cursor,
    last: itemCount - 1 - scroll.cursor,
  }
  return fitScroll({ ...scroll, cursor: scroll.cursor + steps[motion] }, { itemCount, height })
}

/** Scrolls text that has no cursor: the window moves, and the cursor is its first line. */
export function moveText(
  scroll: Scroll,
  motion: Motion,
  { itemCount, height }: { itemCount: number; height: number },
): Scroll {
  const { top } = moveTop(scroll.top, motion, { itemCount, height })
  return { cursor: top, top }
}

function moveTop(
  top: number,
  motion: Motion,
  { itemCount, height }: { itemCount: number; height: number },
): { top: number } {
  const lastTop = Math.max(0, itemCount - height)
  const wanted = {
    up: top - 1,
    down: top + 1,
    pageUp: top - Math.max(1, height - 1),
    pageDown: top + Math.max(1, height - 1),
    first: 0,
    last: lastTop,
  }[motion]
  return { top: Math.min(Math.max(0, wanted), lastTop) }
}

/** Keeps the cursor on an item and on the screen, after either has changed. */
export function fitScroll(
  { cursor, top }: Scroll,
  { itemCount, height }: { itemCount: number; height: number },
): Scroll {
  const last = Math.max(0, itemCount - 1)
  const fitted = Math.min(Math.max(0, cursor), last)
  const lowestTop = Math.max(0, fitted - Math.max(1, height) + 1)
  const highestTop = Math.min(fitted, Math.max(0, itemCount - height))
  return {
    cursor: fitted,
    top: Math.min(Math.max(top, lowestTop), Math.max(highestTop, lowestTop)),
  }
}

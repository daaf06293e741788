/** State and keys of `snap ui` as plain functions: what a key does where, without a terminal. */
import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'vitest'
import type { Action } from '../../../cli/ui/action.ts'
import { formatHelp, formatKey } from '../../../cli/ui/help.ts'
import { shownEntries } from '../../../cli/ui/items.ts'
import { findIntent, KEY_TABLES, shortKeys } from '../../../cli/ui/key-map.ts'
import { namesOf } from '../../../cli/ui/key-names.ts'
import { reduce } from '../../../cli/ui/reducer.ts'
import {
  currentScreen,
  initialState,
  type LogEntry,
  type LogScreen,
  type UiState,
} from '../../../cli/ui/state.ts'
import { wantedLoads } from '../../../cli/ui/wanted-loads.ts'
import type { CheckoutPlan, Commit, ObjectId } from '../../../src/index.ts'

const SMALL = { columns: 80, rows: 24 }

function entry(n: number, message = `commit ${n}`): LogEntry {
  const commit = {
    message,
    author: { name: 'Ada', email: 'ada@example.org' },
    migrations: [],
    createdAt: new Date(Date.UTC(2026, 0, 1) - n * 60_000).toISOString(),
  } as unknown as Commit
  return {
    id: idOf(n),
    commit,
    names: [],
    ancestorIds: [idOf(n + 1)],
    prunedCount: 0,
    rowCount: 1,
    sizeBytes: 1,
    rowChange: 0,
    sizeChangeBytes: 0,
  }
}

const idOf = (n: number) => n.toString(16).padStart(64, '0') as ObjectId

function logOf(count: number): UiState {
  const entries = Array.from({ length: count }, (_, n) => entry(n))
  return reduce(initialState(SMALL), {
    kind: 'commitsLoaded',
    screenId: 1,
    reading: 1,
    entries,
    isComplete: true,
  })
}

/** The state after keys that have no effect outside it. */
function press(state: UiState, ...keys: string[]): UiState {
  return keys.reduce((before, key) => {
    const intent = findIntent(before, key)
    return intent !== undefined && 'action' in intent ? reduce(before, intent.action) : before
  }, state)
}

const log = (state: UiState) => state.screens[0] as LogScreen

describe('the log', () => {
  test('the window follows the cursor, and the cursor stays on the list', () => {
    const state = logOf(100)
    deepEqual(press(state, 'k').screens[0]!.scroll, { cursor: 0, top: 0 })
    // 24 lines less the title, the header and two lines at the foot.
    deepEqual(press(state, ...Array(20).fill('j')).screens[0]!.scroll, { cursor: 20, top: 1 })
    deepEqual(press(state, 'G').screens[0]!.scroll, { cursor: 99, top: 80 })
    deepEqual(press(state, 'G', 'g').screens[0]!.scroll, { cursor: 0, top: 0 })
  })

  test('a terminal that grows or shrinks keeps the cursor on the screen', () => {
    const large = { columns: 200, rows: 50 }
    const state = reduce(press(logOf(100), 'G'), { kind: 'resized', size: large })
    deepEqual(state.screens[0]!.scroll, { cursor: 99, top: 54 })
    deepEqual(reduce(state, { kind: 'resized', size: SMALL }).screens[0]!.scroll, {
      cursor: 99,
      top: 80,
    })
  })

  test('what is typed after / filters, keys of the log among it', () => {
    const state = press(logOf(100), '/', 'c', 'o', 'm', 'm', 'i', 't', 'space', '9', '9')
    deepEqual(
      shownEntries(log(state)).map(({ commit }) => commit.message),
      ['commit 99'],
    )
    equal(press(state, 'backspace').screens.length, 1)
    equal(shownEntries(log(press(state, 'enter', 'q'))).length, 100)
    equal(shownEntries(log(press(state, 'escape'))).length, 100)
    equal(press(state, 'q').leaving, null)
  })

  test('two marked commits are compared, the older first', () => {
    const state = press(logOf(5), 'space', 'j', 'j', 'space', 'd')
    const { kind, before, after } = currentScreen(state) as Extract<
      ReturnType<typeof currentScreen>,
      { kind: 'diff' }
    >
    deepEqual({ kind, before, after }, { kind: 'diff', before: idOf(2), after: idOf(0) })
  })

  test('of three marks the last two count; a mark is taken back by the same key', () => {
    const state = press(logOf(5), 'space', 'j', 'space', 'j', 'space')
    deepEqual(log(state).marked, [idOf(1), idOf(2)])
    deepEqual(log(press(state, 'space')).marked, [idOf(1)])
  })

  test('more commits are wanted as the cursor comes near the end of those that are there', () => {
    const entries = Array.from({ length: 200 }, (_, n) => entry(n))
    const some: Action = {
      kind: 'commitsLoaded',
      screenId: 1,
      reading: 1,
      entries,
      isComplete: false,
    }
    const state = reduce(initialState(SMALL), some)
    deepEqual(wantedLoads(state, log(state)), [])
    const atEnd = press(state, 'G')
    deepEqual(wantedLoads(atEnd, log(atEnd)), [{ kind: 'commits', reading: 1, count: 200 }])
  })

  test('q leaves, Ctrl-C leaves as interrupted', () => {
    equal(press(logOf(1), 'q').leaving, 'quit')
    equal(press(logOf(1), 'ctrl-c').leaving, 'interrupted')
  })
})

describe('a checkout', () => {
  function asking(needed: 'yes' | 'databaseName'): UiState {
    const planning = press(logOf(1), 'c')
    return reduce(planning, {
      kind: 'planned',
      screenId: 2,
      plan: {} as CheckoutPlan,
      lines: ['plan'],
      stage: { kind: 'asking', needed, databaseName: 'shop', question: '?' },
    })
  }

  test('y confirms, n goes back and nothing else does anything', () => {
    const state = asking('yes')
    deepEqual(findIntent(state, 'y'), { effect: { kind: 'confirm', screenId: 2 } })
    deepEqual(findIntent(state, 'enter'), undefined)
    equal(currentScreen(press(state, 'n')).kind, 'log')
  })

  test('a protected database wants its name, letter by letter', () => {
    const typed = press(asking('databaseName'), 's', 'h', 'o')
    equal(press(typed, 'enter').notice, "'sho' is not 'shop': nothing was changed")
    deepEqual(findIntent(typed, 'y'), { action: { kind: 'typed', text: 'y' } })
    deepEqual(findIntent(press(typed, 'p'), 'enter'), { effect: { kind: 'confirm', screenId: 2 } })
  })

  test('while it runs it cannot be left, and Ctrl-C stops it', () => {
    const state = reduce(asking('yes'), { kind: 'confirmed', screenId: 2 })
    equal(currentScreen(press(state, 'q')).kind, 'checkout')
    deepEqual(findIntent(state, 'ctrl-c'), { effect: { kind: 'stop', screenId: 2 } })
    equal(findIntent(state, 'y'), undefined)
    // Stopped, it would hold its locks for as long as nobody wakes it.
    equal(press(state, 'ctrl-z').notice, 'a checkout is running, and would hold its locks')
    deepEqual(findIntent(asking('yes'), 'ctrl-z'), { effect: { kind: 'suspend' } })
  })

  test('when it is done, u plans the way back', () => {
    const running = reduce(asking('yes'), { kind: 'confirmed', screenId: 2 })
    const done = reduce(running, { kind: 'finished', screenId: 2, lines: ['done'], canUndo: true })
    // HEAD has moved, and the state before has become a commit.
    deepEqual(wantedLoads(done, log(done)), [{ kind: 'commits', reading: 2, count: 200 }])
    const state = press(done, 'u')
    deepEqual(wantedLoads(state, currentScreen(state)), [{ kind: 'checkout', commitId: null }])
  })

  test('what comes of a screen that was closed changes nothing', () => {
    const state = press(logOf(1), 'c', 'q')
    deepEqual(reduce(state, { kind: 'failed', screenId: 2, lines: ['late'] }), state)
  })
})

describe('the rows of a table', () => {
  const openTable = (state: UiState, n: number) =>
    reduce(state, {
      kind: 'opened',
      what: {
        kind: 'table',
        commitId: idOf(n),
        table: { namespace: 'public', name: 'orders' },
        against: idOf(n + 1),
      },
    })
  const againstOf = (state: UiState) => {
    const screen = currentScreen(state)
    return screen.kind === 'table' ? screen.against : undefined
  }

  test('are told from the parent, from marked commits and from the newest in turn', () => {
    const state = openTable(press(logOf(6), 'j', 'j', 'j', 'j', 'space'), 2)
    const seen = [state, press(state, 'a'), press(state, 'a', 'a'), press(state, 'a', 'a', 'a')]
    deepEqual(seen.map(againstOf), [idOf(3), idOf(4), idOf(0), idOf(3)])
  })

  test('are not marked by a comparison that is not wanted any more', () => {
    const state = openTable(press(logOf(6), 'j', 'j', 'j', 'j', 'space'), 2)
    const changes = { marks: new Map(), deletedCount: 7, isComplete: true }
    const late = { kind: 'marksLoaded', screenId: 2, against: idOf(3), changes } as const
    const other = reduce(press(state, 'a'), late)
    deepEqual(currentScreen(other), currentScreen(press(state, 'a')))
    deepEqual(
      wantedLoads(other, currentScreen(other)).find(({ kind }) => kind === 'marks'),
      {
        kind: 'marks',
        commitId: idOf(2),
        table: { namespace: 'public', name: 'orders' },
        against: idOf(4),
      },
    )
  })

  test('where there is no other commit the screen says so', () => {
    const state = openTable(logOf(1), 0)
    equal(againstOf(press(state, 'a')), idOf(1))
    equal(press(state, 'a').notice, 'no other commit to compare with: mark one in the log')
  })
})

test('the help names every key of every screen', () => {
  const help = formatHelp().join('\n')
  for (const { bindings } of KEY_TABLES) {
    for (const { keys, help: text } of bindings) {
      for (const key of keys) equal(help.includes(formatKey(key)), true, key)
      equal(help.includes(text), true, text)
    }
  }
})

test('the foot of the screen names only keys that do something', () => {
  const keys = shortKeys(initialState(SMALL)).map(([key]) => key)
  deepEqual(keys, ['?', '/', 'd', 'o', 's', 'q'])
})

test('several keys that come as one text are told apart', () => {
  deepEqual(namesOf({ input: 'sh op\r', flags: {} }), ['s', 'h', 'space', 'o', 'p', 'enter'])
  deepEqual(namesOf({ input: '商👩‍👧', flags: {} }), ['商', '👩‍👧'])
  deepEqual(namesOf({ input: 'c', flags: { ctrl: true } }), ['ctrl-c'])
  deepEqual(namesOf({ input: '\u0001', flags: {} }), [])
})

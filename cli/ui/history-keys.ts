import { shortId } from '../../src/index.ts'
import { createColors } from '../output/colors.ts'
import { nameOfEntry } from '../output/diff-text.ts'
import { printable, printableLines } from '../output/printable.ts'
import { formatEntryDiff } from '../output/schema-diff-text.ts'
import { formatSourceDiffs } from '../output/source-text.ts'
import { againstWhich } from './against-which.ts'
import { act, bindingsOf, type KeyTable, open } from './binding.ts'
import { diffItems, shownEntries } from './items.ts'
import type { CommitScreen, LogEntry, LogScreen } from './state.ts'

/** The keys of the log, of a commit, and of the table in it. */

const chosen = (screen: LogScreen): LogEntry | undefined =>
  shownEntries(screen)[screen.scroll.cursor]

export const FILTER_KEYS: KeyTable = {
  title: 'While typing a filter',
  bindings: [
    {
      keys: ['enter'],
      help: 'keep the filter',
      short: 'keep',
      act: () => act({ kind: 'typingEnded', isKept: true }),
    },
    {
      keys: ['escape'],
      help: 'list all commits again',
      short: 'all',
      act: () => act({ kind: 'typingEnded', isKept: false }),
    },
    { keys: ['backspace'], help: 'erase', act: () => act({ kind: 'erased' }) },
  ],
  onText: (text) => act({ kind: 'typed', text }),
}

export const LOG_KEYS: KeyTable = {
  title: 'Log',
  bindings: bindingsOf('log', [
    {
      keys: ['enter'],
      help: 'open the commit',
      short: 'open',
      act: (screen) => {
        const entry = chosen(screen)
        return entry && open({ kind: 'commit', commitId: entry.id })
      },
    },
    {
      keys: ['/'],
      help: 'filter by message, name, id, author or migration',
      short: 'filter',
      act: () => act({ kind: 'typingBegun' }),
    },
    {
      keys: ['space'],
      help: 'mark the commit; two marks are compared by d',
      short: 'mark',
      act: (screen) => {
        const entry = chosen(screen)
        return entry && act({ kind: 'markToggled', commitId: entry.id })
      },
    },
    {
      keys: ['d'],
      help: 'compare the two marked commits, or the commit with its parent',
      short: 'diff',
      act: (screen) => {
        const pair = comparedPair(screen)
        if (pair !== undefined) return open({ kind: 'diff', ...pair })
        return act({ kind: 'noticed', notice: 'the first commit has no parent: mark two commits' })
      },
    },
    {
      keys: ['l'],
      help: 'compare the commit with the database as it is now',
      short: 'live',
      act: (screen) => {
        const entry = chosen(screen)
        return entry && open({ kind: 'diff', before: entry.id, after: null })
      },
    },
    {
      keys: ['c'],
      help: 'plan a checkout of the commit',
      short: 'checkout',
      act: (screen) => {
        const entry = chosen(screen)
        return entry && open({ kind: 'checkout', commitId: entry.id })
      },
    },
    {
      keys: ['u'],
      help: 'plan to undo the last checkout',
      act: () => open({ kind: 'checkout', commitId: null }),
    },
    {
      keys: ['r'],
      help: 'read the history again',
      act: () => act({ kind: 'reloaded' }),
    },
    {
      keys: ['o'],
      help: 'what was done with this store, and how to return',
      short: 'ops',
      act: () => open({ kind: 'operations' }),
    },
    {
      keys: ['s'],
      help: 'how large the store is; check it, preview a prune',
      short: 'store',
      act: () => open({ kind: 'store' }),
    },
  ]),
}

/** The older of two marked commits comes first, whatever was marked first. */
export function comparedPair(screen: LogScreen) {
  const { entries, marked } = screen
  const [one, other] = marked.flatMap((id) => entries.find((entry) => entry.id === id) ?? [])
  if (one !== undefined && other !== undefined) {
    const isInOrder = one.commit.createdAt <= other.commit.createdAt
    return isInOrder ? { before: one.id, after: other.id } : { before: other.id, after: one.id }
  }
  const entry = chosen(screen)
  const before = one?.id ?? entry?.ancestorIds[0]
  if (entry === undefined || before === undefined || before === entry.id) return undefined
  return { before, after: entry.id }
}

export const COMMIT_KEYS: KeyTable = {
  title: 'Commit',
  bindings: bindingsOf('commit', [
    {
      keys: ['enter'],
      help: 'open the table, or show the DDL',
      short: 'open',
      act: (screen) =>
        screen.tab === 'tables'
          ? openTable(screen)
          : screen.tab === 'schema'
            ? openDefinition(screen)
            : undefined,
    },
    {
      keys: ['tab'],
      help: 'tables, schema, about',
      short: 'next view',
      act: () => act({ kind: 'tabChanged' }),
    },
    {
      keys: ['d'],
      help: 'compare with the parent',
      short: 'diff',
      act: ({ commitId, parentId }) =>
        parentId === null
          ? act({ kind: 'noticed', notice: 'the first commit has no parent' })
          : open({ kind: 'diff', before: parentId, after: commitId }),
    },
    {
      keys: ['l'],
      help: 'compare with the database as it is now',
      short: 'live',
      act: ({ commitId }) => open({ kind: 'diff', before: commitId, after: null }),
    },
    {
      keys: ['c'],
      help: 'plan a checkout of the commit',
      short: 'checkout',
      act: ({ commitId }) => open({ kind: 'checkout', commitId }),
    },
  ]),
}

function openTable({ details, scroll, commitId, parentId }: CommitScreen) {
  const table = details?.tables[scroll.cursor]
  if (table === undefined) return undefined
  const { namespace, name, change, rowsAfter } = table
  // A table that has gone is the parent's to show.
  if (change === 'extra' && parentId !== null) {
    return open({ kind: 'table', commitId: parentId, table: { namespace, name }, against: null })
  }
  if (rowsAfter === null) {
    return act({ kind: 'noticed', notice: 'the commit was made without the rows of this table' })
  }
  return open({ kind: 'table', commitId, table: { namespace, name }, against: parentId })
}

function openDefinition({ details, scroll, commitId }: CommitScreen) {
  const entry = details?.schema[scroll.cursor]
  if (entry === undefined) return undefined
  const name = printable([entry.namespace, entry.name].filter(Boolean).join('.'))
  const owner = entry.owner === null ? [] : [`-- owner: ${printable(entry.owner)}`, '']
  const definition = entry.definition ?? '-- pg_dump writes no statement for it'
  return open({
    kind: 'text',
    title: `${entry.kind} ${name}`,
    lines: [...owner, ...printableLines(definition.trim()).split('\n')],
    command: `snap show ${shortId(commitId)}:schema`,
  })
}

export const DIFF_KEYS: KeyTable = {
  title: 'Diff',
  bindings: bindingsOf('diff', [
    {
      keys: ['enter'],
      help: 'show the rows of the table, the DDL, or the paths of a source, that differ',
      short: 'open',
      act: (screen) => {
        const { id, before, after, scroll } = screen
        const item = diffItems(screen)[scroll.cursor]
        if (item === undefined) return undefined
        if (item.kind === 'table') {
          const { namespace, name } = item.table
          return open({ kind: 'rows', diffScreenId: id, before, after, table: { namespace, name } })
        }
        if (item.kind === 'source') {
          return open({
            kind: 'text',
            title: `Source ${printable(item.source.name)}`,
            lines: formatSourceDiffs([item.source], createColors(false), { isWhole: true }),
            command: `snap diff ${diffArguments({ before, after })} --stat`,
          })
        }
        return open({
          kind: 'text',
          title: `DDL of ${nameOfEntry(item.change)}`,
          lines: formatEntryDiff(item.change, createColors(false)),
          command: `snap diff ${diffArguments({ before, after })} --schema`,
        })
      },
    },
    {
      keys: ['c'],
      help: 'plan a checkout of the first commit',
      short: 'checkout',
      act: ({ before }) => open({ kind: 'checkout', commitId: before }),
    },
  ]),
}

export function diffArguments({
  before,
  after,
}: {
  before: LogEntry['id']
  after: LogEntry['id'] | null
}): string {
  return after === null ? shortId(before) : `${shortId(before)} ${shortId(after)}`
}

export const TABLE_KEYS: KeyTable = {
  title: 'Rows of a table',
  bindings: bindingsOf('table', [
    {
      keys: ['right', ']'],
      help: 'the next column',
      short: 'columns',
      act: () => act({ kind: 'movedColumn', by: 1 }),
    },
    {
      keys: ['left', '['],
      help: 'the column before',
      act: () => act({ kind: 'movedColumn', by: -1 }),
    },
    {
      keys: ['a'],
      help: 'tell changes from the parent, a marked commit or the newest',
      short: 'against',
      act: (screen, state) => {
        const against = againstWhich(state, screen)
        if (against !== undefined) return act({ kind: 'againstChanged', against })
        return act({
          kind: 'noticed',
          notice: 'no other commit to compare with: mark one in the log',
        })
      },
    },
  ]),
}

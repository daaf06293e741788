import type { CommandEntry } from './command.ts'

/**
 * Every command, in the order in which `snap --help` lists them.
 *
 * A command's file is loaded only when it is the one to run: with it come the
 * library and `pg`, which `snap --help` has no use for.
 */
export const ALL_COMMANDS: readonly CommandEntry[] = [
  {
    name: 'init',
    summary: 'make a store for a database',
    load: async () => (await import('./init.ts')).defineInit,
  },
  {
    name: 'commit',
    summary: 'commit the state of the database',
    load: async () => (await import('./commit.ts')).defineCommit,
  },
  {
    name: 'log',
    summary: 'list commits, newest first',
    load: async () => (await import('./log.ts')).defineLog,
  },
  {
    name: 'show',
    summary: 'show what a commit holds',
    load: async () => (await import('./show.ts')).defineShow,
  },
  {
    name: 'status',
    summary: 'tell what changed in the database since HEAD',
    load: async () => (await import('./status.ts')).defineStatus,
  },
  {
    name: 'diff',
    summary: 'show what differs between two states',
    load: async () => (await import('./diff.ts')).defineDiff,
  },
  {
    name: 'check',
    summary: 'raise an alarm where data was lost, or is about to be',
    load: async () => (await import('./check.ts')).defineCheck,
  },
  {
    name: 'checkout',
    summary: 'make the database equal to a commit',
    load: async () => (await import('./checkout.ts')).defineCheckout,
  },
  {
    name: 'undo',
    summary: 'take the last checkout back',
    load: async () => (await import('./undo.ts')).defineUndo,
  },
  {
    name: 'cat',
    summary: "print a table's rows as a commit holds them",
    load: async () => (await import('./cat.ts')).defineCat,
  },
  {
    name: 'export',
    summary: 'write a commit as SQL or CSV',
    load: async () => (await import('./export.ts')).defineExport,
  },
  {
    name: 'fsck',
    summary: 'check every byte of the store',
    load: async () => (await import('./fsck.ts')).defineFsck,
  },
  {
    name: 'tag',
    summary: 'list, make or delete tags',
    load: async () => (await import('./tag.ts')).defineTag,
  },
  {
    name: 'branch',
    summary: 'list, make or delete branches',
    load: async () => (await import('./branch.ts')).defineBranch,
  },
  {
    name: 'reflog',
    summary: 'list where a ref has pointed',
    load: async () => (await import('./reflog.ts')).defineReflog,
  },
  {
    name: 'rev-parse',
    summary: 'print the id a revision names',
    load: async () => (await import('./rev-parse.ts')).defineRevParse,
  },
  {
    name: 'cat-object',
    summary: 'print one object of the store',
    load: async () => (await import('./cat-object.ts')).defineCatObject,
  },
  {
    name: 'demo',
    summary: 'see it work on a temporary PostgreSQL',
    load: async () => (await import('./demo.ts')).defineDemo,
  },
]

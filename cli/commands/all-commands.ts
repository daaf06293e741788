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
    name: 'wipe',
    summary: 'empty the database',
    load: async () => (await import('./wipe.ts')).defineWipe,
  },
  {
    name: 'protect',
    summary: 'have the name of the database typed before it is overwritten',
    load: async () => (await import('./protect.ts')).defineProtect,
  },
  {
    name: 'run',
    summary: 'commit, run a command, tell what it changed',
    load: async () => (await import('./run.ts')).defineRun,
  },
  {
    name: 'migrate',
    summary: 'commit, apply the SQL files that are pending',
    load: async () => (await import('./migrate.ts')).defineMigrate,
  },
  {
    name: 'load',
    summary: 'commit, load a CSV or JSON file into a table',
    load: async () => (await import('./load.ts')).defineLoad,
  },
  {
    name: 'ops',
    summary: 'list what was done: commits, checkouts, runs',
    load: async () => (await import('./ops.ts')).defineOps,
  },
  {
    name: 'rollback',
    summary: 'return to the state before an operation',
    load: async () => (await import('./rollback.ts')).defineRollback,
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
    name: 'import',
    summary: 'turn dumps of pg_dump into commits',
    load: async () => (await import('./import.ts')).defineImport,
  },
  {
    name: 'doctor',
    summary: 'say what this server and store allow, and what to do',
    load: async () => (await import('./doctor.ts')).defineDoctor,
  },
  {
    name: 'stats',
    summary: 'tell what takes the space, and how it grows',
    load: async () => (await import('./stats.ts')).defineStats,
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
    name: 'pin',
    summary: 'keep a commit from ever being pruned',
    load: async () => (await import('./pin.ts')).definePin,
  },
  {
    name: 'unpin',
    summary: 'let a commit be pruned again',
    load: async () => (await import('./unpin.ts')).defineUnpin,
  },
  {
    name: 'prune',
    summary: 'remove old commits by rules, and reclaim their space',
    load: async () => (await import('./prune.ts')).definePrune,
  },
  {
    name: 'gc',
    summary: 'reclaim the space of what nothing names',
    load: async () => (await import('./gc.ts')).defineGc,
  },
  {
    name: 'schedule',
    summary: 'commit and prune by the clock',
    load: async () => (await import('./schedule.ts')).defineSchedule,
  },
  {
    name: 'reflog',
    summary: 'list where a ref has pointed',
    load: async () => (await import('./reflog.ts')).defineReflog,
  },
  {
    name: 'ui',
    summary: 'browse, compare and check out on the whole screen',
    load: async () => (await import('./ui.ts')).defineUi,
  },
  {
    name: 'config',
    summary: 'read and change snap.config.json',
    load: async () => (await import('./config.ts')).defineConfig,
  },
  {
    name: 'completion',
    summary: 'print what completes commands in bash, zsh or fish',
    load: async () => (await import('./completion.ts')).defineCompletion,
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

/** Names that no alias may have: commands, and what else is typed in their place. */
export function isCommandName(name: string): boolean {
  return name === 'help' || ALL_COMMANDS.some((entry) => entry.name === name)
}

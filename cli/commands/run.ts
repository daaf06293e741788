import { readConfigFile } from '../config-file.ts'
import type { Context } from '../context.ts'
import { findDatabaseOf } from '../database.ts'
import { ExitCode } from '../exit-codes.ts'
import { requireCommand } from '../guarded-run/find-command.ts'
import { type RunFlags, readWishes, type Wishes } from '../guarded-run/run-flags.ts'
import {
  type CommandLine,
  type GuardedRun,
  type RunSummaryJson,
  runGuarded,
} from '../guarded-run/run-guarded.ts'
import { runOnStart } from '../guarded-run/run-on-start.ts'
import { withOperation } from '../operation.ts'
import { collect, parseAgeMs, parseCount, parseDurationMs } from '../options.ts'
import { addNamingOption, openGuard, requireDatabaseName } from '../protection.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

/** One line on stderr. */
export type RunJson = RunSummaryJson

export const defineRun: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Commits the database, runs a command, and tells on stderr what it changed: rows of each ' +
      'table, schema, sequences, the migration before and after, and alarms by the rules of ' +
      'snap.config.json. If the commit fails the command is not run. The commit is pinned, unless ' +
      'nothing was changed after it, so that retention never removes the way back. The ' +
      "command's output passes through untouched, it may read stdin, and signals are handed on " +
      'to it. Its exit code is that of snap; 128+n when signal n ended it. Where snap itself ' +
      'takes a successful run back, it ends with 1. A rollback takes back whatever has changed ' +
      'since the commit, by whomever, and keeps it in a commit of its own. Other datastores ' +
      '(sources) are committed, compared and rolled back too; rules and conditions look at tables ' +
      'alone. The command finds ' +
      'the id of the commit in SNAP_GUARD_COMMIT. With --json the report is one line on stderr.',
    examples: [
      ['snap run -- alembic upgrade head', 'and see what it did'],
      ['snap run --rollback-on-failure -- npx prisma migrate deploy', 'all of it or nothing'],
      [
        "snap run --rollback-if 'users.rows < before' --rollback-if 'any.deleted > 1000' -- ./migrate.sh",
        'conditions on tables as they are afterwards',
      ],
      ['snap run --ask -- psql -f fix.sql', 'look, then keep or roll back'],
      ['snap run --on-start -- node server.js', 'commit at most once a day, then be the server'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.different,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.conflict,
      ExitCode.postgres,
      ExitCode.refused,
      ExitCode.backend,
      ExitCode.restore,
      ExitCode.commandNotExecutable,
      ExitCode.commandNotFound,
      ExitCode.source,
    ],
    seeAlso: ['snap rollback', 'snap ops', 'snap migrate', 'snap check', 'snap help alarms'],
  })
    .usage('[options] -- <command> [arguments]')
    .argument('<command...>', 'what to run, after --; it is run as it stands, without a shell')
    .option('-m, --message <text>', 'of the commit; given again, the next paragraph', collect)
    .option('--rollback-on-failure', 'return to the state before when the command fails')
    .option(
      '--rollback-if <condition>',
      "… or when this holds afterwards: 'users.rows < before * 0.9' (repeatable)",
      collect,
    )
    .option('--rollback-on-alarm', '… or when a rule of snap.config.json is broken')
    .option('--ask', 'show what has changed, and ask whether to keep it')
    .option('--no-report', 'do not look at what has changed')
    .option(
      '--on-start',
      'for an application: only commit, when the last commit is old, and start it',
    )
    .option('--min-interval <age>', 'with --on-start: how old (default 24h)', parseAgeMs)
    .option('--jobs <count>', 'connections that read at once', parseCount)
    .option(
      '--lock-timeout <duration>',
      'how long to wait for a lock (default 10s)',
      parseDurationMs,
    )
  addNamingOption(command).action((words: string[], flags: RunFlags) =>
    run(context, words as [string, ...string[]], flags),
  )
}

async function run(context: Context, command: CommandLine, flags: RunFlags): Promise<void> {
  const wishes = readWishes(context, flags)
  await requireCommand(command[0], context.io)
  await withStore(context, async (store) => {
    const database = await findDatabaseOf(store, context)
    const { rules } = (await readConfigFile(store, context)).config
    const guardedRun: GuardedRun = { context, store, database, rules, flags, wishes, command }
    await requirePermission(guardedRun)
    if (flags.onStart) return runOnStart(guardedRun)
    return withOperation(context, store, { command: 'run', database }, (operation) =>
      runGuarded(guardedRun, operation),
    )
  })
}

/** Nobody can be asked later, when a command has failed at night. */
async function requirePermission({
  context,
  store,
  database,
  flags,
  wishes,
}: GuardedRun): Promise<void> {
  if (!mayOverwrite(flags, wishes)) return
  const guard = await openGuard(context, store, database, flags)
  if (guard.reasons.length > 0) await requireDatabaseName(context, guard, 'let it be rolled back')
}

function mayOverwrite(flags: RunFlags, { onFailure, onAlarm, conditions }: Wishes): boolean {
  return onFailure || onAlarm || conditions.length > 0 || flags.ask === true
}

import { dirname, resolve } from 'node:path'
import { Argument, Option } from 'commander'
import { type ObjectId, SnapError, VERSION } from '../../src/index.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { parseDailyTime, parseHourlyMinute } from '../options.ts'
import { printable } from '../output/printable.ts'
import { formatScheduledResult } from '../output/schedule-text.ts'
import { addRetentionOptions, type RetentionFlags, retentionArgumentsOf } from '../retention.ts'
import { noteOnDatabase } from '../schedule/check-database.ts'
import { normaliseCronExpression } from '../schedule/cron-expression.ts'
import { readCrontab } from '../schedule/crontab.ts'
import { formatCrontabBlock, listCrontab } from '../schedule/crontab-text.ts'
import { formatGithubWorkflow } from '../schedule/github-workflow.ts'
import { installByCron, installBySystemd, removeFromCron } from '../schedule/install.ts'
import { runScheduled } from '../schedule/run-scheduled.ts'
import { type Schedule, type ScheduleMark, scheduleNameOf } from '../schedule/schedule.ts'
import { scheduledIo } from '../schedule/scheduled-environment.ts'
import { hasUserManager, listTimers, removeTimer } from '../schedule/systemd.ts'
import { formatSystemdUnits } from '../schedule/systemd-units.ts'
import { describeFailure, type FailureListeners, tellFailure } from '../schedule/tell-failure.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface ScheduleFlags extends RetentionFlags {
  daily?: string
  hourly?: string | true
  cron?: string
  with?: 'systemd' | 'cron'
  print?: 'systemd' | 'cron' | 'github'
  message?: string
  onFailure?: string
  envFile?: string
}

type Action = 'install' | 'list' | 'remove' | 'run'

export type ScheduleJson =
  | ScheduleInstallJson
  | ScheduleListJson
  | ScheduleRemoveJson
  | ScheduleRunJson

/** @title install */
interface ScheduleInstallJson {
  name: string
  kind: 'systemd' | 'cron'
  cron: string
  commandLine: readonly string[]
  files: readonly string[]
  /** Null where nobody can tell. */
  isActive: boolean | null
  notes: readonly string[]
}

/** @title list */
interface ScheduleListJson {
  schedules: {
    name: string
    cron: string
    storeDirectory: string
    kind: 'systemd' | 'cron'
    isActive: boolean | null
    file: string
  }[]
}

/** @title remove */
interface ScheduleRemoveJson {
  name: string
  removed: string[]
}

/** @title run */
interface ScheduleRunJson {
  commitId: ObjectId
  removedCommitIds: readonly ObjectId[]
  pruneSkippedBecause: string | null
}

export const defineSchedule: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Has commits made by the clock, and old ones pruned by rules. Installs a timer of systemd ' +
      'for this user, or where none answers a marked block in the crontab; one for each store, ' +
      'and installing again replaces it. It runs "snap schedule run": commit, then prune by the ' +
      '--keep rules given. A run that fails ends with a code, tells the webhook that ' +
      'SNAP_WEBHOOK_URL names, and runs --on-failure with SNAP_FAILURE_CODE, _MESSAGE and _HINT, ' +
      'SNAP_EXIT_CODE and SNAP_STORE set; two runs never overlap. A timer has none of your ' +
      "shell's variables: DATABASE_URL and SNAP_WEBHOOK_URL are read from .env beside the store " +
      'or from --env-file, each time, and are never written into a unit, a crontab or a command ' +
      'line. Times are those of the machine (GitHub: UTC); where clocks change, a time in the ' +
      'hour that is skipped or repeated may run late or twice.',
    examples: [
      ['snap schedule --daily 02:00 --keep-daily 30', 'every night, thirty nights kept'],
      ['snap schedule --hourly --keep-hourly 48 --keep-daily 30', 'every hour on the hour'],
      ["snap schedule --cron '30 6,18 * * mon-fri' --keep-last 20", 'twice each working day'],
      ["snap schedule --daily 02:00 --on-failure 'mail -s backup ada'", 'and who is to know'],
      ['snap schedule list', 'what is installed'],
      ['snap schedule remove', 'take it away again'],
      ['snap schedule --daily 02:00 --print github', 'a workflow of GitHub Actions'],
      ['snap schedule run --keep-daily 30', 'what the timer runs, now'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.conflict,
      ExitCode.postgres,
      ExitCode.backend,
      ExitCode.source,
    ],
    seeAlso: ['snap commit', 'snap prune', 'snap check', 'snap help environment'],
  })
    .addArgument(
      new Argument('[action]', 'what to do')
        .choices(['install', 'list', 'remove', 'run'])
        .default('install'),
    )
    .option('--daily <time>', 'every day at this time, 02:00', parseDailyTime)
    .option('--hourly [minute]', 'every hour, at this minute (default 0)', parseHourlyMinute)
    .option('--cron <times>', "'minute hour day-of-month month day-of-week', as in a crontab")
    .addOption(
      new Option('--with <what>', 'what is to run it (default: systemd where it answers)').choices([
        'systemd',
        'cron',
      ]),
    )
    .addOption(
      new Option('--print <what>', 'print what would be installed, and install nothing').choices([
        'systemd',
        'cron',
        'github',
      ]),
    )
    .option('-m, --message <text>', 'message of the commits (default "scheduled")')
    .option('--on-failure <command>', 'a command line to run when a run fails')
    .option('--env-file <file>', 'a file of NAME=value lines to read at each run')
  addRetentionOptions(command).action((action: Action, flags: ScheduleFlags) =>
    ACTIONS[action](context, flags),
  )
}

const ACTIONS: Readonly<Record<Action, (context: Context, flags: ScheduleFlags) => Promise<void>>> =
  { install, list, remove, run }

async function install(context: Context, flags: ScheduleFlags): Promise<void> {
  const { io, output, options } = context
  const cron = cronOf(flags)
  await withStore(context, async (store) => {
    const storeDirectory = resolve(store.backend.location)
    const envFile =
      flags.envFile === undefined ? undefined : resolve(io.workingDirectory, flags.envFile)
    const snapArguments = argumentsOf(context, flags, envFile)
    const schedule: Schedule = {
      name: scheduleNameOf(storeDirectory),
      storeDirectory,
      cron,
      commandLine: [...io.programPath, '--quiet', '--store', storeDirectory, ...snapArguments],
    }
    if (flags.print === 'github') {
      output.result(
        formatGithubWorkflow({ storeDirectory, cron, snapArguments, version: VERSION }).trimEnd(),
      )
      return
    }
    const note = await noteOnDatabase(context, store, envFile)
    const notes = note === undefined ? [] : [note]
    if (flags.print !== undefined) {
      output.note(...notes.map((note) => `warning: ${note}`))
      output.result(...printed(schedule, flags.print))
      return
    }
    const kind = flags.with ?? ((await hasUserManager(io)) ? 'systemd' : 'cron')
    const installed =
      kind === 'systemd' ? await installBySystemd(io, schedule) : await installByCron(io, schedule)
    notes.push(...installed.notes)
    const { files, isActive } = installed
    if (options.json) {
      const { name, commandLine } = schedule
      output.json<ScheduleJson>({ name, kind, cron, commandLine, files, isActive, notes })
      return
    }
    output.result(
      `Scheduled: ${schedule.name}, by ${kind}, at '${cron}'`,
      ...files.map((file) => `  ${printable(file)}`),
    )
    output.note(...notes.map((note) => `warning: ${printable(note)}`))
  })
}

async function list(context: Context): Promise<void> {
  const { io, options, output } = context
  const timers = await listTimers(io)
  const lines = listCrontab((await readCrontab(io)) ?? '')
  const shown = (mark: ScheduleMark) => ({
    name: mark.name,
    cron: mark.cron,
    storeDirectory: mark.storeDirectory,
  })
  const schedules = [
    ...timers.map(({ path, isActive, ...mark }) => ({
      ...shown(mark),
      kind: 'systemd' as const,
      isActive,
      file: path,
    })),
    ...lines.map((mark) => ({
      ...shown(mark),
      kind: 'cron' as const,
      isActive: true,
      file: 'crontab',
    })),
  ]
  if (options.json) {
    output.json<ScheduleJson>({ schedules })
  } else if (schedules.length === 0) {
    output.note('Nothing is scheduled')
  } else {
    output.result(
      ...schedules.map(({ name, kind, cron, storeDirectory, isActive }) => {
        const state = isActive === false ? ', NOT ACTIVE' : ''
        return `${printable(name)}  ${kind}${state}  '${printable(cron)}'  ${printable(storeDirectory)}`
      }),
    )
  }
}

async function remove(context: Context): Promise<void> {
  const { io, options, output } = context
  await withStore(context, async (store) => {
    const name = scheduleNameOf(resolve(store.backend.location))
    const removed = await removeTimer(io, name)
    if (await removeFromCron(io, name)) removed.push('crontab')
    if (options.json) output.json<ScheduleJson>({ name, removed })
    else if (removed.length === 0) output.note(`Nothing was scheduled for this store (${name})`)
    else output.result(`Removed: ${name}`, ...removed.map((file) => `  ${printable(file)}`))
  })
}

async function run(context: Context, flags: ScheduleFlags): Promise<void> {
  const place = { storeDirectory: context.io.workingDirectory, database: null as string | null }
  const listeners: FailureListeners = {
    command: flags.onFailure,
    projectDirectory: context.io.workingDirectory,
  }
  let inner = context
  context.interruptedState = 'the commit was made, or not, as a whole; the next run goes on'
  try {
    await withStore(context, async (store) => {
      place.storeDirectory = resolve(store.backend.location)
      listeners.projectDirectory = dirname(place.storeDirectory)
      const io = await scheduledIo(context, { ...place, envFile: flags.envFile })
      inner = { ...context, io }
      const result = await runScheduled(inner, store, {
        message: flags.message ?? 'scheduled',
        retention: flags,
        onDatabase: (address) => {
          place.database = address
        },
      })
      const { options, output } = context
      const { commitId } = result.commit
      const { pruneSkippedBecause } = result
      if (options.json) {
        const removedCommitIds = result.prune?.removedCommitIds ?? []
        output.json<ScheduleJson>({ commitId, removedCommitIds, pruneSkippedBecause })
      } else output.result(...formatScheduledResult(result))
    })
  } catch (error) {
    await tellFailure(inner, describeFailure(error, inner, place), listeners)
    throw error
  }
}

/** @throws USAGE  none of the three, or several, say when */
function cronOf({ daily, hourly, cron }: ScheduleFlags): string {
  const everyHour = hourly === true ? '0 * * * *' : hourly
  const given = [daily, everyHour, cron].filter((each) => each !== undefined)
  if (given.length === 1) return normaliseCronExpression(given[0]!)
  throw new SnapError(
    'USAGE',
    given.length === 0 ? 'it is not said when' : 'it is said in several ways when',
    { argument: '--daily' },
    { hint: "give one of --daily 02:00, --hourly and --cron '0 2 * * *'" },
  )
}

/** What follows `snap --store DIR`; everything in it is read by other users of the machine. */
function argumentsOf(
  { options }: Context,
  flags: ScheduleFlags,
  envFile: string | undefined,
): string[] {
  const { database } = options
  if (database !== undefined && /:\/\/[^/@]*:[^/@]*@|password=/i.test(database)) {
    throw new SnapError(
      'USAGE',
      '--database holds a password, which a schedule would show to everyone on this machine',
      { argument: '--database' },
      { hint: 'put DATABASE_URL into .env beside the store, or into a file for --env-file' },
    )
  }
  return [
    ...(database === undefined ? [] : [`--database=${database}`]),
    'schedule',
    'run',
    ...(flags.message === undefined ? [] : [`--message=${flags.message}`]),
    ...(flags.onFailure === undefined ? [] : [`--on-failure=${flags.onFailure}`]),
    ...(envFile === undefined ? [] : [`--env-file=${envFile}`]),
    ...retentionArgumentsOf(flags),
  ]
}

function printed(schedule: Schedule, what: 'systemd' | 'cron'): string[] {
  if (what === 'cron') return [formatCrontabBlock(schedule).trimEnd()]
  const { service, timer } = formatSystemdUnits(schedule)
  return [service, timer].map(({ fileName, text }) => `# ${fileName}\n${text}`)
}

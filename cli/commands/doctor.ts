import { stat, statfs } from 'node:fs/promises'
import {
  type DatabaseAddress,
  type Diagnosis,
  type DiagnosisLevel,
  examineStore,
  findProtection,
  isSnapError,
  judgeServer,
  judgeStore,
  readServerFacts,
  type Store,
} from '../../src/index.ts'
import { readConfigFile } from '../config-file.ts'
import type { Context } from '../context.ts'
import { findDatabase, findDatabaseOf } from '../database.ts'
import { ExitCode } from '../exit-codes.ts'
import { formatDiagnoses } from '../output/doctor-text.ts'
import { describeReason } from '../protection.ts'
import { readCrontab } from '../schedule/crontab.ts'
import { listCrontab } from '../schedule/crontab-text.ts'
import { readTextFile } from '../schedule/read-text-file.ts'
import { listTimers } from '../schedule/systemd.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

export interface DoctorJson {
  /** The worst of all. */
  level: DiagnosisLevel
  diagnoses: Diagnosis[]
}

export const defineDoctor: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Looks at the database and the store, and says what keeps snap from its work, what will ' +
      'hurt some day, and what to do about each: connection and version, privileges, row ' +
      'security, locks, timeouts, WAL summaries, tables without a key, what a commit leaves out; ' +
      'the newest commit, whether all is there that refs name, disk space at the pace so far, ' +
      'protection, schedule. Nothing is changed, no table is locked, no row is read: that the rows ' +
      'of a store are sound is for snap fsck to say. Ends with 1 when there is a problem; notices and ' +
      'warnings alone end with 0.',
    examples: [
      ['snap doctor', 'everything'],
      ['snap doctor -q && snap commit -m nightly', 'for scripts: the exit code tells'],
    ],
    exitCodes: [ExitCode.done, ExitCode.different, ExitCode.usage, ExitCode.backend],
    seeAlso: ['snap fsck', 'snap status', 'snap help permissions', 'snap help recovery'],
  }).action(() => examine(context))
}

async function examine(context: Context): Promise<void> {
  const { options, output } = context
  const diagnoses: Diagnosis[] = []
  let database: DatabaseAddress | undefined
  const lookAt = async (address: Promise<DatabaseAddress>) => {
    database = await address.catch((error) => {
      diagnoses.push(failed('databaseUnknown', error))
      return undefined
    })
    const found = await examineDatabase(database, context)
    diagnoses.push(...found.diagnoses)
    return found.sizeBytes
  }
  try {
    await withStore(context, async (store) => {
      const databaseSizeBytes = await lookAt(findDatabaseOf(store, context))
      diagnoses.push(...(await examineOwnStore(context, store, databaseSizeBytes)))
      if (database !== undefined) {
        diagnoses.push(...(await examineProtection(context, store, database)))
      }
      diagnoses.push(...(await examineSchedule(context, store)))
    })
  } catch (error) {
    if (!isSnapError(error) || error.code === 'ABORTED') throw error
    // Without a store, or with one that does not open, there is still a database to look at.
    if (database === undefined) {
      await lookAt(findDatabase(context, context.io.workingDirectory))
    }
    diagnoses.push(
      isSnapError(error, 'STORE_NOT_FOUND')
        ? {
            code: 'storeMissing',
            level: 'notice',
            finding: 'there is no store here yet',
            advice: "run 'snap init'",
          }
        : failed('storeUnusable', error),
    )
  }
  const levels = ['ok', 'notice', 'warning', 'problem'] as const
  const worst = levels.findLast((level) => diagnoses.some((each) => each.level === level)) ?? 'ok'
  if (worst === 'problem') context.exitCode = ExitCode.different
  if (options.json) output.json<DoctorJson>({ level: worst, diagnoses })
  else output.result(...formatDiagnoses(diagnoses, { database, colors: output.colors }))
}

async function examineDatabase(
  database: DatabaseAddress | undefined,
  { io }: Context,
): Promise<{ diagnoses: Diagnosis[]; sizeBytes: number | null }> {
  if (database === undefined) return { diagnoses: [], sizeBytes: null }
  try {
    const facts = await readServerFacts(database, { signal: io.signal })
    return { diagnoses: judgeServer(facts), sizeBytes: facts.sizeBytes || null }
  } catch (error) {
    if (!isSnapError(error) || error.code === 'ABORTED') throw error
    return { diagnoses: [failed('databaseUnreachable', error)], sizeBytes: null }
  }
}

async function examineOwnStore(
  { io }: Context,
  store: Store,
  databaseSizeBytes: number | null,
): Promise<Diagnosis[]> {
  const { location } = store.backend
  try {
    const facts = await examineStore(store, io.now(), { signal: io.signal })
    const disk = await statfs(location).catch(() => undefined)
    const directory = await stat(location).catch(() => undefined)
    return judgeStore(
      facts,
      {
        freeSizeBytes: disk === undefined ? null : disk.bavail * disk.bsize,
        isReadableByOthers: directory === undefined ? null : (directory.mode & 0o077) !== 0,
        databaseSizeBytes,
      },
      io.now(),
    )
  } catch (error) {
    return [failed('storeDamaged', error, "run 'snap fsck' to list what is affected")]
  }
}

async function examineProtection(
  context: Context,
  store: Store,
  database: DatabaseAddress,
): Promise<Diagnosis[]> {
  try {
    const { config } = await readConfigFile(store, context)
    const [reason] = findProtection(database, config, context.io.environment)
    const finding =
      reason === undefined
        ? 'the database is not protected'
        : `protected: ${describeReason(reason)}`
    return [{ code: 'protection', level: 'ok', finding, advice: null }]
  } catch (error) {
    return [failed('configInvalid', error)]
  }
}

/** Whether commits are made by the clock, and by the program that is here now. */
async function examineSchedule({ io }: Context, store: Store): Promise<Diagnosis[]> {
  const isOwn = ({ storeDirectory }: { storeDirectory: string }) =>
    storeDirectory === store.backend.location
  const timers = (await listTimers(io)).filter(isOwn)
  const lines = listCrontab((await readCrontab(io).catch(() => '')) ?? '').filter(isOwn)
  if (timers.length + lines.length === 0) {
    const finding = 'no commits are scheduled'
    return [{ code: 'schedule', level: 'ok', finding, advice: null }]
  }
  const texts = [...lines.map(({ line }) => line)]
  for (const { path } of timers) {
    texts.push((await readTextFile(path.replace(/\.timer$/, '.service'))) ?? '')
  }
  const inactive = timers.filter(({ isActive }) => isActive === false)
  const [, program] = io.programPath
  if (inactive.length > 0) {
    return [
      {
        code: 'scheduleInactive',
        level: 'warning',
        finding: `the timer ${inactive[0]!.name} is installed and does not run`,
        advice: `systemctl --user enable --now ${inactive[0]!.name}.timer`,
      },
    ]
  }
  if (
    texts.some((text) => !text.includes(program.replaceAll('%', '%%')) && !text.includes(program))
  ) {
    return [
      {
        code: 'scheduleOutdated',
        level: 'warning',
        finding: 'the schedule starts another snap than this one',
        advice: "run 'snap schedule' again with its options",
      },
    ]
  }
  const cron = [...timers, ...lines][0]!.cron
  return [
    { code: 'schedule', level: 'ok', finding: `commits are scheduled at '${cron}'`, advice: null },
  ]
}

function failed(code: string, error: unknown, advice?: string): Diagnosis {
  const message = error instanceof Error ? error.message : String(error)
  const hint = isSnapError(error) ? error.hint : undefined
  return { code, level: 'problem', finding: message, advice: hint ?? advice ?? null }
}

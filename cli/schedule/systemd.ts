import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { SnapError } from '../../src/index.ts'
import type { ProgramIo } from '../io.ts'
import { runSystemProgram } from './run-program.ts'
import { parseMark, type Schedule, type ScheduleMark } from './schedule.ts'
import { formatSystemdUnits } from './systemd-units.ts'

/** Where the units of this user are (systemd.unit(5), "User Unit Search Path"). */
export function unitDirectoryOf({ environment, homeDirectory }: ProgramIo): string {
  const { XDG_CONFIG_HOME: configHome } = environment
  // A relative path is to be ignored (XDG Base Directory Specification).
  const isUsable = configHome !== undefined && isAbsolute(configHome)
  return join(isUsable ? configHome : join(homeDirectory, '.config'), 'systemd', 'user')
}

/** Whether a service manager of this user answers: in a container, or under cron, there is none. */
export async function hasUserManager(io: ProgramIo): Promise<boolean> {
  return (await systemctl(io, 'show-environment')).exitCode === 0
}

/**
 * Writes the units and, where a manager answers, starts the timer.
 *
 * @returns  the files written
 * @throws OUTPUT_UNWRITABLE
 */
export async function installTimer(io: ProgramIo, schedule: Schedule): Promise<string[]> {
  const directory = unitDirectoryOf(io)
  const { service, timer } = formatSystemdUnits(schedule)
  const paths: string[] = []
  for (const { fileName, text } of [service, timer]) {
    const path = join(directory, fileName)
    try {
      await mkdir(directory, { recursive: true })
      await writeFile(path, text)
    } catch (cause) {
      throw new SnapError('OUTPUT_UNWRITABLE', `cannot write '${path}'`, { path }, { cause })
    }
    paths.push(path)
  }
  if (await hasUserManager(io)) {
    await mustSucceed(io, 'daemon-reload')
    await mustSucceed(io, 'enable', timer.fileName)
    // A timer that runs goes on with the old times until it is started again.
    await mustSucceed(io, 'restart', timer.fileName)
  }
  return paths
}

/** Stops the timer and removes its files; returns those that were there. */
export async function removeTimer(io: ProgramIo, name: string): Promise<string[]> {
  const directory = unitDirectoryOf(io)
  const standing = new Set(await listFiles(directory))
  const fileNames = [`${name}.timer`, `${name}.service`].filter((each) => standing.has(each))
  if (fileNames.length === 0) return []
  const hasManager = await hasUserManager(io)
  if (hasManager) await systemctl(io, 'disable', '--now', `${name}.timer`)
  const paths = fileNames.map((each) => join(directory, each))
  for (const path of paths) await rm(path, { force: true })
  if (hasManager) await systemctl(io, 'daemon-reload')
  return paths
}

/** Lists the timers that `installTimer` has written. */
export async function listTimers(
  io: ProgramIo,
): Promise<(ScheduleMark & { path: string; isActive: boolean | null })[]> {
  const directory = unitDirectoryOf(io)
  const hasManager = await hasUserManager(io)
  const found = []
  for (const fileName of await listFiles(directory)) {
    if (!/^snap-.*\.timer$/.test(fileName)) continue
    const path = join(directory, fileName)
    const mark = parseMark((await readFile(path, 'utf8')).split('\n', 1)[0] ?? '')
    if (mark === undefined) continue
    const isActive = hasManager
      ? (await systemctl(io, 'is-active', '--quiet', fileName)).exitCode === 0
      : null
    found.push({ ...mark, path, isActive })
  }
  return found
}

/** Whether timers of this user go on when nobody is logged in; null where that cannot be told. */
export async function lingers(io: ProgramIo): Promise<boolean | null> {
  const { exitCode, stdout } = await runSystemProgram(io, 'loginctl', [
    'show-user',
    io.userName,
    '--property=Linger',
    '--value',
  ])
  return exitCode === 0 ? stdout.trim() === 'yes' : null
}

async function listFiles(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(() => [])).sort()
}

const systemctl = (io: ProgramIo, ...words: string[]) =>
  runSystemProgram(io, 'systemctl', ['--user', ...words])

async function mustSucceed(io: ProgramIo, ...words: string[]): Promise<void> {
  const { exitCode, stderr } = await systemctl(io, ...words)
  if (exitCode === 0) return
  throw new SnapError(
    'OUTPUT_UNWRITABLE',
    `'systemctl --user ${words.join(' ')}' failed: ${stderr.trim()}`,
    { path: unitDirectoryOf(io) },
    { hint: "pass --with cron, or see 'systemctl --user status'" },
  )
}

import { SnapError } from '../../src/index.ts'
import type { ProgramIo } from '../io.ts'
import { readCrontab, writeCrontab } from './crontab.ts'
import { addToCrontab, listCrontab, removeFromCrontab } from './crontab-text.ts'
import type { Schedule } from './schedule.ts'
import { hasUserManager, installTimer, lingers, removeTimer } from './systemd.ts'

export interface Installed {
  files: string[]
  /** False where nothing runs it yet. */
  isActive: boolean
  /** What the user should know or do. */
  notes: string[]
}

/** One way at a time: what cron has for this store goes. */
export async function installBySystemd(io: ProgramIo, schedule: Schedule): Promise<Installed> {
  const files = await installTimer(io, schedule)
  await removeFromCron(io, schedule.name)
  const isActive = await hasUserManager(io)
  const notes: string[] = []
  if (!isActive) {
    notes.push(
      `no systemd of this user answers here: the timer begins to run after 'systemctl --user daemon-reload && systemctl --user enable --now ${schedule.name}.timer'`,
    )
  }
  if ((await lingers(io)) === false) {
    notes.push(
      `the timer runs only while ${io.userName} is logged in; 'loginctl enable-linger ${io.userName}' changes that`,
    )
  }
  return { files, isActive, notes }
}

/** @throws USAGE  cron is not installed */
export async function installByCron(io: ProgramIo, schedule: Schedule): Promise<Installed> {
  const crontab = await readCrontab(io)
  if (crontab === undefined) {
    throw new SnapError(
      'USAGE',
      'neither systemd nor cron is here to run a schedule',
      { argument: '--with' },
      { hint: 'install cron, or let another scheduler run what --print cron shows' },
    )
  }
  await writeCrontab(io, addToCrontab(crontab, schedule))
  await removeTimer(io, schedule.name)
  return { files: ['crontab'], isActive: true, notes: [] }
}

/** Takes a schedule out of the crontab; returns whether it was there. */
export async function removeFromCron(io: ProgramIo, name: string): Promise<boolean> {
  const crontab = await readCrontab(io)
  if (crontab === undefined || !listCrontab(crontab).some((each) => each.name === name))
    return false
  await writeCrontab(io, removeFromCrontab(crontab, name))
  return true
}

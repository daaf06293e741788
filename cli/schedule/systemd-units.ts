import { parseCronExpression, toCalendarEvents } from './cron-expression.ts'
import { quoteForSystemd } from './quote-arguments.ts'
import { formatMark, type Schedule } from './schedule.ts'

export interface SystemdUnits {
  /** By file name. */
  service: { fileName: string; text: string }
  timer: { fileName: string; text: string }
}

/** Writes a service that runs once and the timer that starts it. Pure. */
export function formatSystemdUnits(schedule: Schedule): SystemdUnits {
  const { name, storeDirectory, cron, commandLine } = schedule
  const mark = `# ${formatMark(schedule)}`
  const subject = storeDirectory.replaceAll('%', '%%').replaceAll('\\', '\\\\')
  const events = toCalendarEvents(parseCronExpression(cron))
  const service = [
    mark,
    "# Written by 'snap schedule'; 'snap schedule remove' takes it away.",
    '[Unit]',
    `Description=snap: commit the database of ${subject}`,
    '',
    '[Service]',
    // While one run goes on, systemd does not start another.
    'Type=oneshot',
    `ExecStart=${quoteForSystemd(commandLine)}`,
  ]
  const timer = [
    mark,
    '# Times are those of the time zone of this machine.',
    '[Unit]',
    `Description=snap: when to commit the database of ${subject}`,
    '',
    '[Timer]',
    ...events.map((event) => `OnCalendar=${event}`),
    '# A run that was missed, because the machine was off, is made up for.',
    'Persistent=true',
    '',
    '[Install]',
    'WantedBy=timers.target',
  ]
  return {
    service: { fileName: `${name}.service`, text: `${service.join('\n')}\n` },
    timer: { fileName: `${name}.timer`, text: `${timer.join('\n')}\n` },
  }
}

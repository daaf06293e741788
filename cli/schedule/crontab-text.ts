/**
 * The part of a crontab that is ours. Pure: every other line comes out as it went in.
 */
import { normaliseCronExpression } from './cron-expression.ts'
import { quoteForCron } from './quote-arguments.ts'
import { formatMark, MARK, parseMark, type Schedule, type ScheduleMark } from './schedule.ts'

const END = `# end of ${MARK}`

/** The lines of one schedule. Output goes nowhere: cron mails what is left, which is errors. */
export function formatCrontabBlock(schedule: Schedule): string {
  const { cron, commandLine } = schedule
  return [
    `# ${formatMark(schedule)}`,
    `${normaliseCronExpression(cron)} ${quoteForCron(commandLine)} >/dev/null`,
    END,
    '',
  ].join('\n')
}

/** Returns the crontab with this schedule at its end, in place of the one of that name. */
export function addToCrontab(crontab: string, schedule: Schedule): string {
  const others = removeFromCrontab(crontab, schedule.name)
  // The last line of a crontab that somebody wrote need not be ended.
  const separator = others === '' || others.endsWith('\n') ? '' : '\n'
  return others + separator + formatCrontabBlock(schedule)
}

/** Returns the crontab without the schedule of that name. */
export function removeFromCrontab(crontab: string, name: string): string {
  const lines = crontab.split(/(?<=\n)/)
  const textAt = (position: number) => (lines[position] ?? '').replace(/\n$/, '')
  const left: string[] = []
  for (let position = 0; position < lines.length; position++) {
    if (markOf(textAt(position))?.name !== name) {
      left.push(lines[position]!)
      continue
    }
    // The mark, its one line and the end: whatever else somebody put there is theirs.
    position++
    if (textAt(position + 1) === END) position++
  }
  return left.join('')
}

/** Lists the schedules that a crontab holds, each with its line. */
export function listCrontab(crontab: string): (ScheduleMark & { line: string })[] {
  const lines = crontab.split('\n')
  return lines.flatMap((text, position) => {
    const mark = markOf(text)
    return mark === undefined ? [] : [{ ...mark, line: lines[position + 1] ?? '' }]
  })
}

const markOf = (line: string) => (line.startsWith(`# ${MARK} `) ? parseMark(line) : undefined)

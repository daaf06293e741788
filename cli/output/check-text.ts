import { type Alarm, type SqlFinding, shortId } from '../../src/index.ts'
import type { AgeCheck } from '../check/check-age.ts'
import { type CheckResult, countProblems } from '../check/check-result.ts'
import type { RulesCheck } from '../check/check-rules.ts'
import type { CheckedFile, SqlCheck } from '../check/check-sql.ts'
import type { Colors } from './colors.ts'
import { printable } from './printable.ts'
import type { TextStyle } from './text-style.ts'
import { formatTime } from './times.ts'
import { formatQuantity } from './units.ts'

/**
 * Says what a check has found, a section for each thing that was checked.
 *
 * The first line is the verdict: monitoring shows no more than that.
 */
export function formatCheck(
  result: CheckResult,
  { colors, clock }: Pick<TextStyle, 'colors' | 'clock'>,
): string[] {
  const { age, rules, sql } = result
  const problemCount = countProblems(result)
  const isOnlyAge = age !== null && rules === null && sql === null
  const sections = [
    age === null ? [] : [formatAge(age, { colors, clock })],
    rules === null ? [] : formatRules(rules, colors),
    sql === null ? [] : formatSql(sql, colors),
  ].filter((lines) => lines.length > 0)
  // A single line is its own verdict.
  if (isOnlyAge) return sections.flat()
  const verdict =
    problemCount === 0
      ? colors.green('No alarm')
      : colors.red(formatQuantity(problemCount, 'alarm'))
  return [verdict, ...sections.flatMap((lines) => ['', ...lines])]
}

function formatAge(age: AgeCheck, { colors, clock }: Pick<TextStyle, 'colors' | 'clock'>): string {
  const limit = `${formatAgeMs(age.maxAgeMs)} at most`
  if (age.commitId === null || age.createdAt === null) {
    return `${colors.red('Too old:')} there is no commit (${limit})`
  }
  const verdict = age.isTooOld ? colors.red('Too old:') : colors.green('Recent:')
  const title = printable((age.message ?? '').split('\n', 1)[0]!)
  const when = formatTime(new Date(age.createdAt), clock)
  return `${verdict} the newest commit was made ${when} (${limit}): ${shortId(age.commitId)} ${title}`
}

/** `26 h`, `7 d`, `90 min`: in the unit that needs no rest. */
function formatAgeMs(ms: number): string {
  const units = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
  ] as const
  const found = units.find(([unitMs]) => ms >= unitMs && ms % unitMs === 0)
  return found === undefined ? `${ms / 1000} s` : `${ms / found[0]} ${found[1]}`
}

function formatRules({ commitId, alarms }: RulesCheck, colors: Colors): string[] {
  const since = `since HEAD${commitId === null ? '' : ` (${shortId(commitId)})`}`
  const isClean = alarms.every(({ severity }) => severity === 'note')
  const title = isClean
    ? `Rules: nothing ${since} that they do not allow`
    : `Rules: not allowed, and happened ${since}`
  return [title, ...alarms.map((alarm) => `  ${formatAlarm(alarm, colors)}`)]
}

function formatAlarm({ code, severity, message }: Alarm, colors: Colors): string {
  const paint = severity === 'alarm' ? colors.red : colors.dim
  return `${paint(code)} ${printable(message)}`
}

function formatSql({ files, findings }: SqlCheck, colors: Colors): string[] {
  const checked = files.filter(({ status }) => status === 'checked')
  const isClean = findings.every(({ severity }) => severity === 'note')
  const count = formatQuantity(checked.length, 'file')
  const title = isClean
    ? `SQL: nothing in ${count} takes data away`
    : `SQL: what ${count} would take away`
  return [
    checked.length === 0 ? 'SQL: no file to look into' : title,
    ...findings.flatMap((finding) => formatFinding(finding, colors)),
    ...formatLeftOut(files),
  ]
}

function formatFinding(finding: SqlFinding, colors: Colors): string[] {
  const { file, line, column, code, severity, message, rowCount, statement } = finding
  const paint = { loss: colors.red, doubt: colors.yellow, note: colors.dim }[severity]
  const rows = rowCount === null ? '' : ` (${formatQuantity(rowCount, 'row')} in HEAD)`
  return [
    `  ${printable(file)}:${line}:${column}: ${paint(code)} ${printable(message)}${rows}`,
    `      ${colors.dim(printable(statement))}`,
  ]
}

/** One line for all files that were left out for the same reason. */
function formatLeftOut(files: readonly CheckedFile[]): string[] {
  const groups = new Map<string, string[]>()
  for (const { file, status, reason } of files) {
    if (status === 'checked') continue
    const why = status === 'applied' ? `applied: ${reason}` : (reason ?? status)
    groups.set(why, [...(groups.get(why) ?? []), file])
  }
  return [...groups].map(([why, names]) => {
    const what = names.length === 1 ? printable(names[0]!) : formatQuantity(names.length, 'file')
    return `  not looked into: ${what} (${printable(why)})`
  })
}

/**
 * Command lines for what will run them: a shell, cron, systemd. Pure.
 *
 * cron and systemd both read `%` before anything else does, each in its own way.
 */
import { SnapError } from '../../src/index.ts'

/** Writes arguments so that a POSIX shell reads back exactly these. */
export function quoteForShell(words: readonly string[]): string {
  return words.map(quoteShellWord).join(' ')
}

function quoteShellWord(word: string): string {
  assertPrintable(word)
  return /^[\w@+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/**
 * As `quoteForShell`, for a line of a crontab.
 *
 * cron ends the command at a `%` unless a backslash stands before it, and takes
 * that backslash away (crontab(5)); it does so inside quotes, too. A backslash of
 * the word's own must not come to stand there, hence quotes around each `\%`.
 */
export function quoteForCron(words: readonly string[]): string {
  return words
    .map((word) =>
      word.includes('%')
        ? word
            .split('%')
            .map((piece) => (piece === '' ? '' : quoteShellWord(piece)))
            .join(`'\\%'`)
        : quoteShellWord(word),
    )
    .join(' ')
}

/**
 * Writes the value of `ExecStart=` (systemd.service(5), "Command lines"): C
 * escapes inside quotes, `%%` against specifiers, `$$` against variables. The
 * program itself is taken without variables, so a `$` in its path stays single.
 */
export function quoteForSystemd([program = '', ...words]: readonly string[]): string {
  return [
    quoteSystemdWord(program),
    ...words.map((word) => quoteSystemdWord(word).replaceAll('$', '$$$$')),
  ].join(' ')
}

function quoteSystemdWord(word: string): string {
  assertPrintable(word)
  return `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`
}

/** @throws USAGE  a line could not hold it */
function assertPrintable(word: string): void {
  if (!/[\x00-\x1f\x7f]/.test(word)) return
  throw new SnapError(
    'USAGE',
    `${JSON.stringify(word)} cannot be scheduled: it has a line feed or another control character`,
    { argument: word },
  )
}

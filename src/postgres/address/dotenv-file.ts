/**
 * Reads one file of `NAME=value` lines: `export` in front, quotes around the value and comments are understood.
 *
 * Variables inside values are not expanded; of several lines with one name the last counts.
 */
export function parseDotenv(text: string): Map<string, string> {
  const variables = new Map<string, string>()
  const assignment =
    /^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|`([^`]*)`|([^\r\n]*))/gm
  for (const [, name, double, single, backtick, bare] of text.matchAll(assignment)) {
    const value =
      double?.replace(/\\([nrt"\\$])/g, (_, escaped: string) => ESCAPES[escaped] ?? escaped) ??
      single ??
      backtick ??
      withoutComment(bare ?? '')
    variables.set(name!, value)
  }
  return variables
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }

/** A `#` begins a comment only after a blank: it may be part of a password. */
function withoutComment(value: string): string {
  return value.replace(/(^|\s)#.*$/, '').trim()
}

import { readFile, stat } from 'node:fs/promises'

export interface PasswordFileQuery {
  host: string
  port: number
  databaseName: string
  user: string
}

/**
 * Looks a password up in a libpq password file.
 *
 * A file that does not exist has no passwords; one that others may read is not
 * used, as libpq does.
 *
 * @see https://www.postgresql.org/docs/current/libpq-pgpass.html
 */
export async function findPassword(
  path: string,
  query: PasswordFileQuery,
): Promise<{ password: string | null; isTooOpen: boolean }> {
  const none = { password: null, isTooOpen: false }
  try {
    const status = await stat(path)
    if (!status.isFile()) return none
    if ((status.mode & 0o077) !== 0) return { password: null, isTooOpen: true }
    return { password: findPasswordLine(await readFile(path, 'utf8'), query), isTooOpen: false }
  } catch {
    // Unreadable is as good as absent: the server will say that a password is needed.
    return none
  }
}

/** Returns the password of the first line whose other four fields match, or null. */
export function findPasswordLine(text: string, query: PasswordFileQuery): string | null {
  const wanted = [query.host, String(query.port), query.databaseName, query.user]
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue
    const fields = splitFields(line)
    const password = fields[4]
    if (password === undefined) continue
    if (wanted.every((value, position) => matches(fields[position]!, value))) {
      return unescapeField(password)
    }
  }
  return null
}

/** Four fields end at a colon that no backslash precedes; the fifth is the rest of the line up to another such colon. */
function splitFields(line: string): string[] {
  return line.match(/(?<=^|:)(?:[^:\\]|\\.|\\$)*(?=:|$)/g) ?? []
}

function matches(field: string, value: string): boolean {
  return field === '*' || unescapeField(field) === value
}

function unescapeField(field: string): string {
  return field.replace(/\\(.)/g, '$1')
}

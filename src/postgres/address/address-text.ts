/**
 * Reads the two ways in which libpq writes an address: as a URL and as `key=value` pairs.
 *
 * The text usually holds a password, so nothing of it, not even a piece that
 * looks harmless, enters the reasons given for refusing it.
 *
 * @see https://www.postgresql.org/docs/current/libpq-connect.html "Connection Strings"
 */

/** Values by libpq's parameter names (`host`, `dbname`, `sslmode`, …). */
export type RawParameters = Map<string, string>

/** The text is not an address; the message says why without quoting it. */
export class AddressTextInvalid extends Error {
  override readonly name = 'AddressTextInvalid'
}

/** SQLAlchemy adds its driver (`postgresql+psycopg`); GeoDjango says `postgis`. The rest is a common URL. */
const URL_SCHEME = /^(?:postgres(?:ql)?(?:\+\w+)?|postgis):\/\//

/** @throws AddressTextInvalid */
export function parseAddressText(text: string): RawParameters {
  const scheme = URL_SCHEME.exec(text)
  if (scheme !== null) return parseUrl(text.slice(scheme[0].length))
  if (/^\s*\w+\s*=/.test(text)) return parseKeyValuePairs(text)
  throw new AddressTextInvalid("it begins neither with 'postgresql://' nor with 'key=value'")
}

function parseUrl(text: string): RawParameters {
  const parameters: RawParameters = new Map()
  const set = (name: string, encoded: string | undefined) => {
    if (encoded !== undefined && encoded !== '') parameters.set(name, decodePercent(encoded))
  }

  const userInfo = /^([^@/]*)@/.exec(text)
  const afterUser = text.slice(userInfo?.[0].length ?? 0)
  if (userInfo !== null) {
    const [, user, password] = /^([^:]*)(?::(.*))?$/s.exec(userInfo[1]!)!
    set('user', user)
    set('password', password)
  }

  const parts = /^(?:\[([^\]]*)\]|([^:/?[]*))(?::([^/?]*))?(?:\/([^?]*))?(?:\?(.*))?$/s.exec(
    afterUser,
  )
  if (parts === null) throw new AddressTextInvalid('host and port cannot be told apart')
  const [, bracketedHost, host, port, databaseName, query] = parts
  // Such a text is most likely a password with a slash in it, which must not end up as a database name.
  if (`${databaseName}${query}`.includes('@')) {
    throw new AddressTextInvalid("'@' and '/' in user name or password must be percent-encoded")
  }
  set('host', bracketedHost ?? host)
  set('port', port)
  set('dbname', databaseName)
  for (const pair of (query ?? '').split('&').filter((each) => each !== '')) {
    const [, name, value] = /^([^=]*)(?:=(.*))?$/s.exec(pair)!
    if (value === undefined || value.includes('=')) {
      throw new AddressTextInvalid("parameters after '?' must be key=value, joined by '&'")
    }
    set(decodePercent(name!), value)
  }
  // JDBC's word, which libpq understands as well.
  if (parameters.get('ssl') === 'true' && !parameters.has('sslmode')) {
    parameters.set('sslmode', 'require')
    parameters.delete('ssl')
  }
  return parameters
}

function decodePercent(encoded: string): string {
  let decoded: string
  try {
    decoded = decodeURIComponent(encoded)
  } catch {
    throw new AddressTextInvalid("a '%' is not followed by two hex digits of UTF-8")
  }
  if (decoded.includes('\0')) throw new AddressTextInvalid('it contains a zero byte')
  return decoded
}

/** `host=/tmp dbname='my db' password=a\'b`: blanks around `=` allowed, quotes around values with blanks. */
function parseKeyValuePairs(text: string): RawParameters {
  const parameters: RawParameters = new Map()
  const pair = /\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/suy
  let end = 0
  while (text.slice(end).trim() !== '') {
    pair.lastIndex = end
    const match = pair.exec(text)
    if (match === null) throw new AddressTextInvalid('its key=value pairs cannot be told apart')
    const [, name, quoted, bare] = match
    parameters.set(name!, (quoted ?? bare!).replace(/\\(.)/gs, '$1'))
    end = pair.lastIndex
  }
  return parameters
}

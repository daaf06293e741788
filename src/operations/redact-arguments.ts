/**
 * Cuts secrets out of a command line before it is written down, and out of what
 * the command says. Pure.
 *
 * Best effort: it knows secrets by the names they are given, by the forms that
 * well-known ones have, and by the options of programs that take one without a
 * name (`mysqldump -p…`), and cuts too much rather than too little. A secret that
 * stands alone, behind a program it does not know, is not known.
 *
 * What is cut:
 * - the password of a URL or of `user:password@host`; a token that is the user of an http URL
 * - the value of a name that ends like a secret's (`PGPASSWORD=…`, `--api-key=…`, `?token=…`,
 *   `"secret": "…"`), and of any upper-case name that ends with KEY
 * - what follows an option of such a name (`--password …`, also inside `sh -c "…"`), and the
 *   password after `-u user:…`
 * - `Bearer …`, `Basic …`, the headers Authorization and Cookie
 * - PASSWORD '…' in SQL
 * - tokens of GitHub, GitLab, Slack, Stripe, OpenAI, npm and Google, JSON Web Tokens, private keys
 * - what `secret-options.ts` knows of single programs, also inside `sh -c "…"`
 *
 * @see store-format.md §7.1 "Operations"
 */
import { SecretWords } from './secret-options.ts'

const CUT = '***'
const MAX_ARGUMENTS = 200
const MAX_ARGUMENT_CHARACTERS = 2000
/** No secret begins within what is kept and ends behind this; it bounds the work. */
const MAX_READ_CHARACTERS = 8000

/** Ends of names; `--password-file` and `max_tokens` end otherwise. The bound keeps matching linear. */
const SECRET_NAME = String.raw`(?:[\w.-]{0,60}(?:password|passwd|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key|secret[-_]?key|private[-_]?key|secret[-_]key[-_]base|credentials?)|(?:[\w.-]{0,60}[-_.])?pass|[\w.-]{0,60}cli_?auth)`
/** A quoted text or everything up to what ends a value in a URL, a list or a shell. */
const VALUE = String.raw`(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s&;,'"]+)`

const WHOLE_PAIR = new RegExp(`^-{0,2}${SECRET_NAME}=(?<secret>.+)$`, 'dis')
const WHOLE_KEY_PAIR = /^[A-Z][A-Z0-9_]*KEY=(?<secret>.+)$/ds
const USER_AND_PASSWORD = /^[^:]*:(?!\/\/)(?<secret>.*)$/ds
const SECRET_OPTION = new RegExp(`^--?(?!-?no-)${SECRET_NAME}$`, 'i')

/** Of each match the group `secret` is cut, and the rest stays. */
const PATTERNS: readonly RegExp[] = [
  /(?<secret>-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|$))/dgs,
  // To the last `@`: a password may hold one.
  /\b[a-z][\w+.-]{0,30}:\/\/[^\s'"@/:?#]*:(?<secret>[^\s'"]*)@/dgi,
  /\bhttps?:\/\/(?<secret>[^\s'"@/?#]+)@/dgi,
  /(?:^|[\s'"=])[\w.-]{1,60}:(?<secret>[^\s'"@/:]{1,200})@/dg,
  /\b(?:(?:proxy-)?authorization|(?:set-)?cookie)\s*[:=]\s*(?<secret>[^'"\r\n]+)/dgi,
  /\b(?:bearer|basic)\s+(?<secret>[\w.~+/=-]{6,})/dgi,
  new RegExp(String.raw`"${SECRET_NAME}"\s*:\s*"(?<secret>(?:[^"\\]|\\.)*)"`, 'dgi'),
  new RegExp(String.raw`\b${SECRET_NAME}\s*[=:]\s*(?<secret>${VALUE})`, 'dgi'),
  /\b[A-Z][A-Z0-9_]{0,60}KEY=(?<secret>[^\s&;,'"]+)/dg,
  new RegExp(String.raw`\s--(?!no-)${SECRET_NAME}\s+(?<secret>(?!-)${VALUE})`, 'dgi'),
  /\b(?:password|identified\s+by)\s+(?:e|u&)?'(?<secret>(?:[^']|'')*)'/dgi,
  /(?<secret>\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{15,}|xox[abeprs]-[\w-]{10,}|(?:sk|rk)[-_](?:live_|test_|proj-|ant-)?[\w-]{16,}|npm_[A-Za-z0-9]{30,}|AIza[\w-]{30,}|eyJ[\w-]{5,}\.[\w-]+\.[\w-]*))/dg,
]

/** Returns the arguments without secrets, and without what makes a record too long; `…` ends what was shortened. */
export function redactArguments(argv: readonly string[]): string[] {
  const redacted = cutArguments(argv, () => {}).map(shorten)
  return argv.length > MAX_ARGUMENTS ? [...redacted, '…'] : redacted
}

/**
 * Returns what cuts the secrets of a command out of what it says, as they are and in whatever form
 * they would be cut anywhere.
 *
 * @param environment  of the command; values whose names are those of secrets are cut
 */
export function newRedactor(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): (text: string) => string {
  const secrets = new Set<string>()
  const note = (secret: string) => {
    const bare = secret.replace(/^(['"])(.*)\1$/s, '$2')
    for (const each of [secret, bare, decodePercent(bare)]) {
      // A shorter one is found in words that have nothing to do with it.
      if (each.length >= MIN_LITERAL_CHARACTERS) secrets.add(each)
    }
  }
  cutArguments(argv, note)
  for (const [name, value = ''] of Object.entries(environment)) {
    if (!DIRECTORY_VARIABLES.has(name)) cutArguments([`${name}=${value}`], note)
  }
  // A longer one may hold a shorter one.
  const literals = [...secrets].sort((a, b) => b.length - a.length)
  return (text) => {
    let left = text
    for (const literal of literals) left = left.replaceAll(literal, CUT)
    return shorten(cutText(wellFormed(left), () => {}))
  }
}

const MIN_LITERAL_CHARACTERS = 4

/** Named as if they were secrets. */
const DIRECTORY_VARIABLES = new Set(['PWD', 'OLDPWD'])

type OnSecret = (secret: string) => void

function cutArguments(argv: readonly string[], onSecret: OnSecret): string[] {
  const words = new SecretWords()
  return argv.slice(0, MAX_ARGUMENTS).map((argument, i) => {
    const text = wellFormed(argument)
    const start = words.next(text)
    if (start !== undefined) return cutAt(text, [start, text.length], onSecret)
    return cutArgument(text, argv[i - 1], onSecret)
  })
}

function cutArgument(argument: string, previous: string | undefined, onSecret: OnSecret): string {
  const isWhole = previous !== undefined && SECRET_OPTION.test(previous)
  if (isWhole && !argument.startsWith('-')) {
    return cutAt(argument, [0, argument.length], onSecret)
  }
  const named = previous === '-u' || previous === '--user' ? USER_AND_PASSWORD.exec(argument) : null
  // What follows -c is a command line of its own, and goes on behind the value.
  const pair =
    previous === '-c' ? null : (WHOLE_PAIR.exec(argument) ?? WHOLE_KEY_PAIR.exec(argument))
  const range = (named ?? pair)?.indices?.groups?.secret
  return range === undefined ? cutText(argument, onSecret) : cutAt(argument, range, onSecret)
}

function cutText(text: string, onSecret: OnSecret): string {
  let left = text
  for (const pattern of PATTERNS) {
    const ranges = [...left.matchAll(pattern)].map((match) => match.indices!.groups!.secret!)
    left = cutRanges(left, ranges, onSecret)
  }
  return cutRanges(left, [...findSecretWords(left, 0)], onSecret)
}

const MAX_DEPTH = 3

/** A word of a shell, with its quotes; or what ends a command. */
const SHELL_WORD = /(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s|;&()"'\\])+|[|;&()\n"'\\]/gs

/** The secrets that stand behind options of known programs, in a text that may be a command line. */
function* findSecretWords(text: string, depth: number): Generator<[start: number, end: number]> {
  let words = new SecretWords()
  for (const { 0: raw, index } of text.matchAll(SHELL_WORD)) {
    if (/^[|;&()\n]$/.test(raw)) {
      words = new SecretWords()
      continue
    }
    const isQuoted = /^(["']).+\1$/s.test(raw)
    const [word, at] = isQuoted ? [raw.slice(1, -1), index + 1] : [raw, index]
    if (/\s/.test(word) && depth < MAX_DEPTH) {
      for (const [from, to] of findSecretWords(word, depth + 1)) yield [at + from, at + to]
    }
    const start = words.next(word)
    if (start !== undefined && word.slice(start) !== CUT) yield [at + start, at + word.length]
  }
}

function cutRanges(
  text: string,
  ranges: readonly (readonly [start: number, end: number])[],
  onSecret: OnSecret,
): string {
  let left = text
  for (const range of [...ranges].sort((a, b) => b[0] - a[0])) left = cutAt(left, range, onSecret)
  return left
}

function cutAt(
  text: string,
  [start, end]: readonly [start: number, end: number],
  onSecret: OnSecret,
): string {
  const secret = text.slice(start, end)
  if (secret === CUT || secret === '') return text
  onSecret(secret)
  return text.slice(0, start) + CUT + text.slice(end)
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Lone surrogates have no UTF-8 form. */
function wellFormed(argument: string): string {
  return Buffer.from(argument.slice(0, MAX_READ_CHARACTERS)).toString()
}

function shorten(argument: string): string {
  return argument.length <= MAX_ARGUMENT_CHARACTERS
    ? argument
    : `${wellFormed(argument.slice(0, MAX_ARGUMENT_CHARACTERS - 1))}…`
}

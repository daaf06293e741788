/**
 * Cuts secrets out of a command line before it is written down. Pure.
 *
 * Best effort: it knows secrets by the names they are given and by the forms
 * that well-known ones have, and cuts too much rather than too little. A secret
 * that stands alone, without name or form (`mysql -phunter2`), is not known.
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
 *
 * @see store-format.md §7.1 "Operations"
 */

const CUT = '***'
const MAX_ARGUMENTS = 200
const MAX_ARGUMENT_CHARACTERS = 2000
/** No secret begins within what is kept and ends behind this; it bounds the work. */
const MAX_READ_CHARACTERS = 8000

/** Ends of names; `--password-file` and `max_tokens` end otherwise. The bound keeps matching linear. */
const SECRET_NAME = String.raw`(?:[\w.-]{0,60}(?:password|passwd|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key|secret[-_]?key|private[-_]?key|secret[-_]key[-_]base|credentials?)|(?:[\w.-]{0,60}[-_.])?pass)`
/** A quoted text or everything up to what ends a value in a URL, a list or a shell. */
const VALUE = String.raw`(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s&;,'"]+)`

const WHOLE_PAIR = new RegExp(`^(-{0,2}${SECRET_NAME})=.+$`, 'is')
const WHOLE_KEY_PAIR = /^([A-Z][A-Z0-9_]*KEY)=.+$/s
const SECRET_OPTION = new RegExp(`^--?(?!-?no-)${SECRET_NAME}$`, 'i')

const REPLACEMENTS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|$)/gs, CUT],
  // To the last `@`: a password may hold one.
  [/\b([a-z][\w+.-]{0,30}:\/\/[^\s'"@/:?#]*):[^\s'"]*@/gi, `$1:${CUT}@`],
  [/\b(https?:\/\/)[^\s'"@/?#]+@/gi, `$1${CUT}@`],
  [/(^|[\s'"=])([\w.-]{1,60}):[^\s'"@/:]{1,200}@/g, `$1$2:${CUT}@`],
  [/\b((?:proxy-)?authorization|(?:set-)?cookie)(\s*[:=]\s*)[^'"\r\n]+/gi, `$1$2${CUT}`],
  [/\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi, `$1 ${CUT}`],
  [new RegExp(String.raw`("${SECRET_NAME}"\s*:\s*)"(?:[^"\\]|\\.)*"`, 'gi'), `$1"${CUT}"`],
  [new RegExp(String.raw`\b(${SECRET_NAME}\s*[=:]\s*)${VALUE}`, 'gi'), `$1${CUT}`],
  [/\b([A-Z][A-Z0-9_]{0,60}KEY=)[^\s&;,'"]+/g, `$1${CUT}`],
  [new RegExp(String.raw`(\s--(?!no-)${SECRET_NAME}\s+)(?!-)${VALUE}`, 'gi'), `$1${CUT}`],
  [/\b(password|identified\s+by)(\s+)(?:e|u&)?'(?:[^']|'')*'/gi, `$1$2'${CUT}'`],
  [
    /\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{15,}|xox[abeprs]-[\w-]{10,}|(?:sk|rk)[-_](?:live_|test_|proj-|ant-)?[\w-]{16,}|npm_[A-Za-z0-9]{30,}|AIza[\w-]{30,}|eyJ[\w-]{5,}\.[\w-]+\.[\w-]*)/g,
    CUT,
  ],
]

/** Returns the arguments without secrets, and without what makes a record too long; `…` ends what was shortened. */
export function redactArguments(argv: readonly string[]): string[] {
  const redacted = argv
    .slice(0, MAX_ARGUMENTS)
    .map((argument, i) => shorten(redactArgument(wellFormed(argument), argv[i - 1])))
  return argv.length > MAX_ARGUMENTS ? [...redacted, '…'] : redacted
}

function redactArgument(argument: string, previous: string | undefined): string {
  if (previous !== undefined && SECRET_OPTION.test(previous) && !argument.startsWith('-'))
    return CUT
  if (previous === '-u' || previous === '--user') {
    const user = /^([^:]*):/.exec(argument)?.[1]
    if (user !== undefined) return `${user}:${CUT}`
  }
  const whole = (WHOLE_PAIR.exec(argument) ?? WHOLE_KEY_PAIR.exec(argument))?.[1]
  // What follows -c is a command line of its own, and goes on behind the value.
  if (whole !== undefined && previous !== '-c') return `${whole}=${CUT}`
  let text = argument
  for (const [pattern, replacement] of REPLACEMENTS) text = text.replace(pattern, replacement)
  return text
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

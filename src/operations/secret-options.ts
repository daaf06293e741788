/**
 * Programs that take a secret without a name that says so, and where it stands. Pure.
 *
 * Each line is from the program's own manual page. A program is known by its name
 * wherever it stands, behind `sudo`, `env` or `docker exec` as well: what is then
 * cut too much costs less than what is not.
 */

export interface ProgramOptions {
  programs: RegExp
  /** Options with the secret behind them, in the same word: `-phunter2`. */
  attached?: readonly string[]
  /** Options, or words, with the secret as the next word: `-a hunter2`. */
  separate?: readonly string[]
}

const KNOWN: readonly ProgramOptions[] = [
  // `-p hunter2` would be a prompt, and a database of that name.
  { programs: /^(?:mysql|mariadb)[\w-]*$/, attached: ['-p'] },
  {
    programs: /^(?:redis|valkey|keydb|dragonfly)-(?:cli|benchmark)$/,
    separate: ['-a', 'auth', 'requirepass', 'masterauth'],
  },
  { programs: /^mongo\w*$/, attached: ['-p'], separate: ['-p'] },
  { programs: /^(?:cypher-shell|sshpass|rabbitmqadmin)$/, attached: ['-p'], separate: ['-p'] },
  { programs: /^(?:sqlcmd|bcp)$/, attached: ['-P'], separate: ['-P'] },
  { programs: /^influx$/, attached: ['-t'], separate: ['-t'] },
  { programs: /^ldap\w+$/, attached: ['-w'], separate: ['-w'] },
  { programs: /^(?:7z[ar]?|unrar|rar)$/, attached: ['-p'] },
  { programs: /^(?:un)?zip$/, attached: ['-P'], separate: ['-P'] },
  { programs: /^openssl$/, separate: ['-k', '-K', '-pass', '-passin', '-passout'] },
  // docker login, podman login, helm registry login, oc login
  { programs: /^login$/, attached: ['-p'], separate: ['-p'] },
]

/** Returns what is known of the program that a word of a command line names. */
export function programOptionsOf(word: string): ProgramOptions | undefined {
  const name = word.slice(word.lastIndexOf('/') + 1).replace(/\.exe$/i, '')
  return KNOWN.find(({ programs }) => programs.test(name))
}

/** Follows the words of a command line, one after the other, and says which part of each is a secret. */
export class SecretWords {
  #program: ProgramOptions | undefined
  #isSecretNext = false

  /** @returns  from where on the word is a secret; undefined where it is none */
  next(word: string): number | undefined {
    if (this.#isSecretNext) {
      this.#isSecretNext = false
      return 0
    }
    const { attached = [], separate = [] } = this.#program ?? {}
    if (separate.includes(word.startsWith('-') ? word : word.toLowerCase())) {
      this.#isSecretNext = true
      return undefined
    }
    const option = attached.find((each) => word.startsWith(each) && word.length > each.length)
    if (option !== undefined) return option.length + (word[option.length] === '=' ? 1 : 0)
    this.#program = programOptionsOf(word) ?? this.#program
    return undefined
  }
}

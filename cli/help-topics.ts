/**
 * What `snap help TOPIC` prints: a text that the program ships, and in it what the program itself
 * knows, so that the two cannot disagree.
 */
import { readFileSync } from 'node:fs'

export interface HelpTopic {
  name: string
  summary: string
}

/** Each has a file `help/NAME.txt`; in the order in which `snap help` lists them. */
export const HELP_TOPICS: readonly HelpTopic[] = [
  { name: 'revisions', summary: 'how commits are named' },
  { name: 'recovery', summary: 'what to do when things go wrong' },
  { name: 'config', summary: 'every key of snap.config.json, and aliases' },
  { name: 'environment', summary: 'variables and files that are read, and which goes first' },
  { name: 'permissions', summary: 'what the database role must be allowed' },
  { name: 'sources', summary: 'files and other datastores in commits' },
  { name: 'alarms', summary: 'rules and conditions on tables' },
  { name: 'store', summary: 'what .snap/ is, how to copy it, how it grows' },
  { name: 'json', summary: '--json, and the schemas of what it prints' },
  { name: 'exit-codes', summary: 'what each exit code says, and the error codes behind it' },
  { name: 'completion', summary: 'how to have the shell complete commands' },
  { name: 'comparison', summary: 'snap beside pg_dump, PITR and others' },
]

/** A line of a topic's text that stands for lines the program knows: `{{exit codes}}`. */
const INSERTED = /^\{\{([a-z ]+)\}\}$/

/** Returns the text of a topic. */
export async function formatTopic({ name }: HelpTopic): Promise<string> {
  const text = readFileSync(new URL(`./help/${name}.txt`, import.meta.url), 'utf8')
  const lines: string[] = []
  for (const line of text.trimEnd().split('\n')) {
    const part = INSERTED.exec(line)?.[1]
    lines.push(...(part === undefined ? [line] : await linesOf(part)))
  }
  return `${lines.join('\n')}\n`
}

async function linesOf(part: string): Promise<string[]> {
  switch (part) {
    case 'exit codes':
      return (await import('./output/exit-code-text.ts')).formatExitCodes()
    case 'config keys':
      return (await import('./output/config-text.ts')).formatConfigKeys()
    default:
      throw new Error(`no text is known for '${part}'`)
  }
}

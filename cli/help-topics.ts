/**
 * What `snap help TOPIC` prints: a text that the program ships, and in it what the program itself
 * knows, so that the two cannot disagree.
 */
import { readFileSync } from 'node:fs'
import { formatExitCodes } from './output/exit-code-text.ts'

export interface HelpTopic {
  name: string
  summary: string
}

/** Each has a file `help/NAME.txt`; in the order in which `snap help` lists them. */
export const HELP_TOPICS: readonly HelpTopic[] = [
  { name: 'revisions', summary: 'how commits are named' },
  { name: 'recovery', summary: 'what to do when things go wrong' },
  { name: 'environment', summary: 'variables and files that are read, and which goes first' },
  { name: 'permissions', summary: 'what the database role must be allowed' },
  { name: 'sources', summary: 'files and other datastores in commits' },
  { name: 'alarms', summary: 'rules and conditions on tables' },
  { name: 'store', summary: 'what .snap/ is, how to copy it, how it grows' },
  { name: 'json', summary: '--json, and the schemas of what it prints' },
  { name: 'exit-codes', summary: 'what each exit code says, and the error codes behind it' },
  { name: 'comparison', summary: 'snap beside pg_dump, PITR and others' },
]

/** A line of a text that stands for lines the program knows: `{{exit codes}}`. */
const INSERTED = /^\{\{([a-z ]+)\}\}$/

/** Returns the text of a topic. */
export function formatTopic({ name }: HelpTopic): string {
  return formatHelpText(name, { 'exit codes': formatExitCodes })
}

/**
 * Returns a text of `help/`: of a topic, or what a command's help has besides.
 *
 * @param insertions  what lines in double braces stand for
 */
export function formatHelpText(
  name: string,
  insertions: Readonly<Record<string, () => string[]>> = {},
): string {
  const text = readFileSync(new URL(`./help/${name}.txt`, import.meta.url), 'utf8')
  const lines = text.trimEnd().split('\n')
  return lines
    .flatMap((line) => {
      const part = INSERTED.exec(line)?.[1]
      return part === undefined ? [line] : insertions[part]!()
    })
    .join('\n')
}

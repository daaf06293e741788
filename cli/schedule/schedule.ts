import { createHash } from 'node:crypto'
import { basename, dirname } from 'node:path'

/** One store's schedule: when, and which command line. */
export interface Schedule {
  /** `snap-shop-1a2b3c4d`: of the project's directory and the store's path. */
  name: string
  storeDirectory: string
  /** Five fields. */
  cron: string
  /** Program and arguments, all paths absolute. */
  commandLine: string[]
}

/** A name that tells people what it is, and stores of one name apart. */
export function scheduleNameOf(storeDirectory: string): string {
  const project = basename(dirname(storeDirectory))
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40)
  const digest = createHash('sha256').update(storeDirectory).digest('hex').slice(0, 8)
  return ['snap', project, digest].filter((part) => part !== '').join('-')
}

/** What installed files and crontab blocks say of themselves, in one line. */
export interface ScheduleMark {
  name: string
  storeDirectory: string
  cron: string
}

export const MARK = 'snap-schedule'

/** `snap-schedule {"cron":…}`; without line feeds, whatever the paths. */
export function formatMark({ name, storeDirectory, cron }: ScheduleMark): string {
  return `${MARK} ${JSON.stringify({ name, cron, storeDirectory })}`
}

/** Finds the mark in a line; undefined when there is none that can be read. */
export function parseMark(line: string): ScheduleMark | undefined {
  const [, json] = /snap-schedule (\{.*\})$/.exec(line) ?? []
  if (json === undefined) return undefined
  try {
    const { name, cron, storeDirectory } = JSON.parse(json) as Record<string, unknown>
    const isMark = [name, cron, storeDirectory].every((part) => typeof part === 'string')
    return isMark ? ({ name, cron, storeDirectory } as ScheduleMark) : undefined
  } catch {
    return undefined
  }
}

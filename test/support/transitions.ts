/**
 * Loads what `fixtures/transitions` holds: pairs of states with a migration between them.
 *
 * `a.sql` makes a state in a schema named after the case, `b.sql` changes it.
 * `meta.json` says what is special about it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Transition {
  name: string
  /** The schema that the case lives in. */
  namespace: string
  a: string
  b: string
  /** Needs a superuser. */
  superuser?: boolean
  /** Changes what belongs to the whole database, so that it has one of its own. */
  alone?: boolean
  /** Tables that the migration does not name and that are written all the same. */
  rebuilds?: string[]
  /** Tables before the migration by what they are called after it, each of them keeping its file. */
  keeps?: Record<string, string>
}

const directory = fileURLToPath(new URL('../../fixtures/transitions', import.meta.url))

/** Lists every case, by name. */
export function listTransitions(): Transition[] {
  return readdirSync(directory)
    .sort()
    .map((name) => {
      const read = (file: string) => readFileSync(join(directory, name, file), 'utf8')
      const meta = existsSync(join(directory, name, 'meta.json')) ? read('meta.json') : '{}'
      const namespace = name.replaceAll('-', '_')
      return { name, namespace, a: read('a.sql'), b: read('b.sql'), ...JSON.parse(meta) }
    })
}

/** Puts cases that do not disturb each other into groups that share a database. */
export function groupTransitions(cases: readonly Transition[], size: number): Transition[][] {
  const groups = cases.filter(({ alone }) => alone).map((each) => [each])
  const rest = cases.filter(({ alone }) => !alone)
  for (let i = 0; i < rest.length; i += size) groups.push(rest.slice(i, i + size))
  return groups
}

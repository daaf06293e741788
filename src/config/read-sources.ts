/**
 * The section `sources` of a configuration file. Pure.
 */
import type { CommandSetting, SourceSettings } from './config.ts'
import {
  listOf,
  mapOf,
  object,
  type Place,
  type Reader,
  refuse,
  text,
  value,
} from './json-reader.ts'

const DEFAULT_TIMEOUT_SECONDS = 3600

/**
 * Files that hold secrets, unless a pattern names them: whoever takes in a whole directory seldom
 * means those.
 */
const ENVIRONMENT_FILES = ['**/.env', '**/.env.*']

/** Named after what they are, in file names, messages and on command lines. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/

export const sources: Reader<SourceSettings[]> = (place) => {
  const found = mapOf(source)(place)
  for (const { key } of found) {
    if (NAME.test(key)) continue
    problem(place, key, 'is no name for a source: letters, digits, dots, dashes and underscores')
  }
  return found.flatMap(({ key, value: settings }) =>
    settings === null ? [] : [{ ...settings, name: key } as SourceSettings],
  )
}

type Unnamed<T> = T extends unknown ? Omit<T, 'name'> : never
type Settings = Unnamed<SourceSettings>

const source: Reader<Settings | null> = (place) => {
  const found = object<{ files: Settings | null; command: Settings | null }>({
    files: filesSource,
    command: commandSource,
  })(place)
  const { files, command } = found
  if (place.node.type === 'object' && (files === undefined) === (command === undefined)) {
    problem(place, null, 'must have either files or command')
    return null
  }
  return files ?? command ?? null
}

const pattern: Reader<string> = (place) => {
  const found = text(place)
  if (found.replace(/^!/, '').startsWith('/') || found.split('/').includes('..')) {
    refuse(place, 'a pattern relative to the root, which leads nowhere else')
  }
  return found
}

const patterns = listOf(pattern, 'a list of file patterns')

function filesSource(place: Place): Settings | null {
  const found = object<{ root: string; patterns: string[]; exclude: string[] }>({
    root: text,
    patterns,
    exclude: patterns,
  })(place)
  if (place.node.type === 'object' && found.root === undefined) {
    problem(place, null, 'must have a root: the directory the files are in')
  }
  if (found.patterns?.length === 0) problem(place, 'patterns', 'must have at least one pattern')
  const wanted = found.patterns ?? ['**']
  const namesEnvironment = wanted.some((each) => /(^|\/)\.env/.test(each))
  return {
    kind: 'files',
    root: found.root ?? '',
    patterns: wanted,
    exclude: [...(found.exclude ?? []), ...(namesEnvironment ? [] : ENVIRONMENT_FILES)],
  }
}

const seconds = value(
  (found): found is number => typeof found === 'number' && found > 0 && found <= 2_000_000,
  'a number of seconds',
  DEFAULT_TIMEOUT_SECONDS,
)

const command: Reader<CommandSetting | null> = (place) => {
  if (place.node.type !== 'array') return text(place)
  const [program, ...argv] = listOf(text, '')(place)
  if (program !== undefined) return [program, ...argv]
  refuse(place, 'a program and its arguments')
  return null
}

function commandSource(place: Place): Settings | null {
  const found = object<{
    dump: CommandSetting | null
    restore: CommandSetting | null
    directory: string
    environment: { key: string; value: string }[]
    timeoutSeconds: number
  }>({
    dump: command,
    restore: command,
    directory: text,
    environment: mapOf(value((each): each is string => typeof each === 'string', 'a string', '')),
    timeoutSeconds: seconds,
  })(place)
  if (place.node.type === 'object' && found.dump === undefined) {
    problem(place, null, 'must have a dump: the command whose stdout is committed')
  }
  return {
    kind: 'command',
    dump: found.dump ?? '',
    restore: found.restore ?? null,
    directory: found.directory ?? '.',
    environment: Object.fromEntries(
      (found.environment ?? []).map((each) => [each.key, each.value]),
    ),
    timeoutSeconds: found.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
  }
}

function problem({ node, path, problems }: Place, key: string | null, message: string): void {
  const place = node.children?.find(({ children }) => children?.[0]?.value === key)
  problems.push({
    offset: (place ?? node).offset,
    path: key === null ? path : `${path}.${key}`,
    message,
  })
}

/**
 * The section `sources` of a configuration file. Pure.
 */
import type { CommandSetting, SourceSettings } from './config.ts'
import {
  described,
  listOf,
  mapOf,
  object,
  type Place,
  type Reader,
  reader,
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
const NAME = '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'

const readSources = (place: Place): SourceSettings[] => {
  const found = map(place)
  for (const { key } of found) {
    if (new RegExp(NAME).test(key)) continue
    problem(place, key, 'is no name for a source: letters, digits, dots, dashes and underscores')
  }
  return found.flatMap(({ key, value: settings }) =>
    settings === null ? [] : [{ ...settings, name: key } as SourceSettings],
  )
}

type Unnamed<T> = T extends unknown ? Omit<T, 'name'> : never
type Settings = Unnamed<SourceSettings>

const readSource = (place: Place): Settings | null => {
  const found = kinds(place)
  const { files, command } = found
  if (place.node.type === 'object' && (files === undefined) === (command === undefined)) {
    problem(place, null, 'must have either files or command')
    return null
  }
  return files ?? command ?? null
}

const pattern: Reader<string> = reader(text.schema, (place) => {
  const found = text(place)
  if (found.replace(/^!/, '').startsWith('/') || found.split('/').includes('..')) {
    refuse(place, 'a pattern relative to the root, which leads nowhere else')
  }
  return found
})

const patterns = listOf(pattern, 'a list of file patterns')

const filesKeys = object<{ root: string; patterns: string[]; exclude: string[] }>({
  root: described(text, 'The directory they are in; relative to this file, or absolute.'),
  patterns: described(
    reader({ ...patterns.schema, minItems: 1 }, patterns),
    'Which of them, as fast-glob has patterns, relative to the root.',
    ['**'],
  ),
  exclude: described(
    patterns,
    'Which not; .env and .env.* neither, unless a pattern names them.',
    [],
  ),
})

const filesSource = reader({ ...filesKeys.schema, required: ['root'] }, readFilesSource)

function readFilesSource(place: Place): Settings | null {
  const found = filesKeys(place)
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
  { type: 'number', exclusiveMinimum: 0, maximum: 2_000_000 },
  (found): found is number => typeof found === 'number' && found > 0 && found <= 2_000_000,
  { expected: 'a number of seconds', instead: DEFAULT_TIMEOUT_SECONDS },
)

const words = listOf(text, '')

const command: Reader<CommandSetting | null> = reader(
  { anyOf: [{ ...words.schema, minItems: 1 }, text.schema] },
  (place) => {
    if (place.node.type !== 'array') return text(place)
    const [program, ...argv] = words(place)
    if (program !== undefined) return [program, ...argv]
    refuse(place, 'a program and its arguments')
    return null
  },
)

const anyText = value({ type: 'string' }, (each): each is string => typeof each === 'string', {
  expected: 'a string',
  instead: '',
})

const commandKeys = object<{
  dump: CommandSetting | null
  restore: CommandSetting | null
  directory: string
  environment: { key: string; value: string }[]
  timeoutSeconds: number
}>({
  dump: described(command, 'Its stdout is committed. A list is run as it is, a string by /bin/sh.'),
  restore: described(command, 'Reads that on stdin. Without one, checkout leaves it alone.'),
  directory: described(text, 'Where they run; relative to this file.', '.'),
  environment: described(
    mapOf(anyText, { name: 'variable' }),
    "Added to the program's own. Secrets belong into .env or a file of the command's.",
  ),
  timeoutSeconds: described(seconds, 'How long each may take.', DEFAULT_TIMEOUT_SECONDS),
})

const commandSource = reader({ ...commandKeys.schema, required: ['dump'] }, readCommandSource)

function readCommandSource(place: Place): Settings | null {
  const found = commandKeys(place)
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

const kinds = object<{ files: Settings | null; command: Settings | null }>({
  files: described(filesSource, 'Files below a directory.'),
  command: described(
    commandSource,
    'What a command dumps to stdout, and another reads from stdin.',
  ),
})

const source = reader({ ...kinds.schema, minProperties: 1, maxProperties: 1 }, readSource)
const map = mapOf(source, { name: 'name', pattern: NAME })

export const sources: Reader<SourceSettings[]> = reader(map.schema, readSources)

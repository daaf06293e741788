import { type Argument, Option } from 'commander'

/** What a value on the command line names. */
export type ValueKind =
  | 'revision'
  | 'revisionOrSchema'
  | 'revisionAndTable'
  | 'ref'
  | 'branch'
  | 'tag'
  | 'table'
  | 'migration'
  | 'operation'
  | 'configKey'
  | 'configValue'
  | 'helpTopic'
  | 'file'
  | 'directory'
  /** Nothing that could be listed: numbers, times, texts, names of new things. */
  | 'other'

/**
 * By placeholder as the help shows it, or by command, a colon and the placeholder where a command
 * means something else by it. A test holds that every placeholder of the program has its line.
 */
export const VALUE_KINDS: Readonly<Record<string, ValueKind>> = {
  revision: 'revision',
  rev: 'revision',
  'show:revision': 'revisionOrSchema',
  before: 'revision',
  after: 'revision',
  object: 'revision',
  ref: 'ref',
  pattern: 'table',
  'commit:--schema': 'other',
  'commit:--exclude-schema': 'other',
  'prune:--keep-tag': 'tag',
  'schedule:--keep-tag': 'tag',
  table: 'table',
  'cat:table': 'revisionAndTable',
  'load:--table': 'table',
  name: 'other',
  'branch:name': 'branch',
  'tag:name': 'tag',
  'import:--branch': 'branch',
  operation: 'operation',
  'checkout:--migration': 'migration',
  key: 'configKey',
  value: 'configValue',
  topic: 'helpTopic',
  file: 'file',
  files: 'file',
  path: 'file',
  command: 'file',
  directory: 'directory',
  url: 'other',
  'name-or-url': 'other',
  text: 'other',
  count: 'other',
  duration: 'other',
  author: 'other',
  age: 'other',
  time: 'other',
  times: 'other',
  minute: 'other',
  condition: 'other',
  column: 'other',
  columns: 'other',
  'from=to': 'other',
  'file=table': 'other',
  size: 'other',
  zone: 'other',
}

/** Returns what the value of an option or an argument names; undefined where nothing says so. */
export function findValueKind(command: string, wanted: Option | Argument): ValueKind | undefined {
  const placeholder = placeholderOf(wanted)
  const option = wanted instanceof Option ? VALUE_KINDS[`${command}:${wanted.long}`] : undefined
  return option ?? VALUE_KINDS[`${command}:${placeholder}`] ?? VALUE_KINDS[placeholder]
}

/** `pattern` of `--table <pattern>`, `revision` of `[revision...]`. */
export function placeholderOf(wanted: Option | Argument): string {
  if (!(wanted instanceof Option)) return wanted.name()
  return /[<[](.+?)(?:\.\.\.)?[>\]]/.exec(wanted.flags)?.[1] ?? ''
}

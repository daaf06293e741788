import { Argument } from 'commander'
import {
  type ConfigPath,
  findSetting,
  formatConfigKey,
  getSettingSchema,
  listSettings,
  parseConfigKey,
  removeSetting,
  SnapError,
  type Store,
  setSetting,
} from '../../src/index.ts'
import { editConfigFile, readConfigText } from '../config-file.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { formatHelpText } from '../help-topics.ts'
import { formatConfigKeys } from '../output/config-text.ts'
import { printable } from '../output/printable.ts'
import { withStore } from '../store.ts'
import { isCommandName } from './all-commands.ts'
import { type DefineCommand, describeCommand } from './command.ts'

export type ConfigJson = ConfigListJson | ConfigSettingJson

/** @title list */
interface ConfigListJson {
  /** Null when there is none. */
  file: string | null
  settings: { key: string; value: unknown }[]
}

/** @title get, set, unset */
interface ConfigSettingJson {
  key: string
  /** Null where nothing says what it is. */
  value: unknown
  /** Where the value is from; none: nowhere. */
  origin: 'file' | 'default' | 'none'
  /** Null when there is none. */
  file: string | null
}

type Action = 'list' | 'get' | 'set' | 'unset'

export const defineConfig: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Reads and changes snap.config.json, which stands beside .snap/ and is shared by all who ' +
      'work there. A key is a path, as rules.default.mayGo; names with dots are quoted, and places ' +
      'in lists are counted from 0. list prints what the file says, get one value or its default, ' +
      'and ends with 1 where there is neither. set takes text, numbers, true, false, and lists and ' +
      'objects as JSON; it writes nothing that could not be read again, and leaves comments, order ' +
      'and formatting as they are. Every key is documented below.',
    examples: [
      ['snap config', 'what the file says'],
      ['snap config get rules.default.maxLossPercent', 'a value, or its default'],
      ['snap config set rules.default.maxLossPercent 10', 'change it, or make the file'],
      [`snap config set 'rules.tables."public.users".mayDelete' false`, 'of one table'],
      [`snap config set migrations '["db/migrations/*.sql"]'`, 'a list'],
      [`snap config set alias.last 'log --oneline -n 5'`, "and 'snap last' is that"],
      ['snap config unset sources.redis', 'take out a key and all below it'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.different,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.conflict,
      ExitCode.backend,
    ],
    seeAlso: ['snap protect', 'snap check', 'snap help alarms', 'snap help sources'],
  })
    .addArgument(
      new Argument('[action]', 'what to do')
        .choices(['list', 'get', 'set', 'unset'])
        .default('list'),
    )
    .argument('[key]', 'of get, set and unset')
    .argument('[value]', 'of set')
    .addHelpText(
      'after',
      () => `\n${formatHelpText('config', { 'config keys': formatConfigKeys })}`,
    )
    .action((action: Action, key: string | undefined, value: string | undefined) => {
      requireArguments(action, key, value)
      return withStore(context, (store) => {
        if (action === 'list' || key === undefined) return list(context, store)
        const path = parseConfigKey(key)
        if (action === 'set') return set(context, store, { path, typed: value! })
        return action === 'get' ? get(context, store, path) : unset(context, store, path)
      })
    })
}

/** @throws USAGE */
function requireArguments(action: Action, key: string | undefined, value: string | undefined) {
  const wanted = { list: 0, get: 1, unset: 1, set: 2 }[action]
  const given = [key, value].filter((each) => each !== undefined).length
  if (given === wanted) return
  const form = `snap config ${action}${wanted > 0 ? ' KEY' : ''}${wanted > 1 ? ' VALUE' : ''}`
  throw new SnapError(
    'USAGE',
    given < wanted ? `the ${given === 0 ? 'key' : 'value'} is missing` : 'too many arguments',
    { argument: action },
    { hint: `write it as '${form}'` },
  )
}

async function list(context: Context, store: Store): Promise<void> {
  const { options, output } = context
  const { text, path } = await readConfigText(store.backend.location, context)
  const settings = listSettings(text ?? '').map((setting) => ({
    key: formatConfigKey(setting.path),
    value: setting.value,
  }))
  if (options.json) output.json<ConfigJson>({ file: text === null ? null : path, settings })
  else output.result(...settings.map(({ key, value }) => `${printable(key)} = ${show(value)}`))
}

async function get(context: Context, store: Store, path: ConfigPath): Promise<void> {
  const { options, output } = context
  const schema = getSettingSchema(path)
  const { text, path: file } = await readConfigText(store.backend.location, context)
  const found = findSetting(text ?? '', path)
  const value = found ?? schema.default
  if (value === undefined) context.exitCode = ExitCode.different
  if (options.json) {
    output.json<ConfigJson>({
      key: formatConfigKey(path),
      value: value ?? null,
      origin: found !== undefined ? 'file' : value === undefined ? 'none' : 'default',
      file: text === null ? null : file,
    })
  } else if (value !== undefined) {
    output.result(typeof value === 'string' ? printable(value) : JSON.stringify(value))
  }
}

async function set(
  context: Context,
  store: Store,
  wanted: { path: ConfigPath; typed: string },
): Promise<void> {
  const { path } = wanted
  refuseShadow(path)
  let value: unknown
  const { path: file } = await editConfigFile(store, context, (text, { label }) => {
    const changed = setSetting(text, wanted, label)
    value = changed.value
    return changed.text
  })
  const key = formatConfigKey(path)
  if (context.options.json) {
    context.output.json<ConfigJson>({ key, value, origin: 'file', file })
  } else context.output.note(`${printable(key)} = ${show(value)}`)
}

async function unset(context: Context, store: Store, path: ConfigPath): Promise<void> {
  const { options, output } = context
  const { default: left } = getSettingSchema(path)
  const { text: before, path: file } = await readConfigText(store.backend.location, context)
  const wasSet = findSetting(before ?? '', path) !== undefined
  if (wasSet) {
    await editConfigFile(store, context, (text, { label }) => removeSetting(text, path, label))
  }
  const key = formatConfigKey(path)
  if (options.json) {
    const origin = left === undefined ? 'none' : 'default'
    output.json<ConfigJson>({ key, value: left ?? null, origin, file })
  } else
    output.note(wasSet ? `${printable(key)} is not set any more` : `${printable(key)} was not set`)
}

/** @throws USAGE  it is an alias of the name of a command, which always goes before it */
function refuseShadow([section, name]: ConfigPath): void {
  if (section !== 'alias' || typeof name !== 'string' || !isCommandName(name)) return
  throw new SnapError(
    'USAGE',
    `'${name}' is a command, and an alias of that name would never be heard`,
    { argument: `alias.${name}` },
    { hint: 'choose another name' },
  )
}

function show(value: unknown): string {
  return printable(JSON.stringify(value))
}

import {
  addDatabase,
  CONFIG_FILE_NAME,
  type DatabaseAddress,
  describeAddress,
  findProtection,
  matchesPattern,
  type ProtectedPattern,
  type ProtectionReason,
  removeDatabases,
  SnapError,
  type Store,
} from '../../src/index.ts'
import { readConfigFile } from '../config-file.ts'
import type { Context } from '../context.ts'
import { findDatabaseOf } from '../database.ts'
import { editConfigOf } from '../edit-config-file.ts'
import { ExitCode } from '../exit-codes.ts'
import { printable } from '../output/printable.ts'
import {
  addNamingOption,
  describeReason,
  type NamingFlags,
  openGuard,
  requireDatabaseName,
} from '../protection.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface ProtectFlags extends NamingFlags {
  show?: true
  off?: true
}

export const defineProtect: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Marks the database as protected: whatever overwrites it (checkout, undo, rollback, wipe) ' +
      'then wants its name typed, -y does not help, and without a terminal only ' +
      '--confirm-database with the right name does. The mark is an entry of "protected" in ' +
      'snap.config.json, which the team shares. Protected without a mark are databases that look ' +
      'like production: on the hosts of managed services, with the word prod, production or live ' +
      'in the name of database or host, or when NODE_ENV, RAILS_ENV or the like says so; never ' +
      'those on a unix socket or a loopback address. --off takes the marks away and, where the ' +
      'database still looks like production, adds it to "unprotected".',
    examples: [
      ['snap protect', 'mark the database of this directory'],
      ['snap protect --show', 'whether it is protected, and why'],
      ['snap protect --off', 'it is no production: never ask again'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.refused,
      ExitCode.backend,
    ],
    jsonKeys: ['database', 'address', 'isProtected', 'reasons'],
  })
    .option('--show', 'tell whether it is protected, and change nothing')
    .option('--off', 'do not protect it any more')
  addNamingOption(command).action((flags: ProtectFlags) =>
    withStore(context, (store) => protect(context, store, flags)),
  )
}

async function protect(context: Context, store: Store, flags: ProtectFlags): Promise<void> {
  if (flags.show && flags.off) {
    throw new SnapError('USAGE', '--show and --off exclude each other', { argument: '--off' })
  }
  const database = await findDatabaseOf(store, context)
  if (flags.off) await unmark(context, store, database, flags)
  else if (!flags.show) await mark(context, store, database)
  const { config } = await readConfigFile(store, context)
  report(context, database, findProtection(database, config, context.io.environment))
}

async function mark(context: Context, store: Store, database: DatabaseAddress): Promise<void> {
  const { config } = await readConfigFile(store, context)
  if (config.protected.some((pattern) => matchesPattern(database, pattern))) {
    context.output.note('It is marked already')
    return
  }
  await editConfigOf(context, store, (text) => addDatabase(text, 'protected', patternOf(database)))
}

async function unmark(
  context: Context,
  store: Store,
  database: DatabaseAddress,
  flags: NamingFlags,
): Promise<void> {
  const guard = await openGuard(context, store, database, flags)
  if (guard.reasons.length === 0) return
  await requireDatabaseName(context, guard, 'protect it no longer')
  const { config } = await readConfigFile(store, context)
  const marks = [...config.protected.entries()].filter(([, each]) => matchesPattern(database, each))
  const broad = marks.find(([, pattern]) => !isExactly(pattern, database))
  if (broad !== undefined) {
    throw new SnapError(
      'USAGE',
      `${describeReason({ kind: 'marked', pattern: broad[1] })}, which may mean other databases too`,
      { argument: '--off' },
      { hint: `change it in ${CONFIG_FILE_NAME} by hand` },
    )
  }
  if (marks.length > 0) {
    const positions = marks.map(([position]) => position)
    await editConfigOf(context, store, (text) => removeDatabases(text, 'protected', positions))
  }
  const { config: without } = await readConfigFile(store, context)
  const left = findProtection(database, without, context.io.environment)
  if (left.length > 0) {
    await editConfigOf(context, store, (text) =>
      addDatabase(text, 'unprotected', patternOf(database)),
    )
  }
}

function isExactly(pattern: ProtectedPattern, database: DatabaseAddress): boolean {
  const { host, database: name, address } = pattern
  if (address === describeAddress(database)) return true
  return name === database.databaseName && (host === null || host === database.parts.host)
}

/** On a socket the host is a directory of this machine, which says nothing on another. */
function patternOf(database: DatabaseAddress) {
  const { host } = database.parts
  return database.isLocalSocket
    ? { database: database.databaseName }
    : { host, database: database.databaseName }
}

function report(
  { options, output }: Context,
  database: DatabaseAddress,
  reasons: readonly ProtectionReason[],
): void {
  const isProtected = reasons.length > 0
  const address = describeAddress(database)
  if (options.json) {
    const { databaseName } = database
    output.json({ database: databaseName, address, isProtected, reasons })
    return
  }
  output.result(
    `${printable(address)} is ${isProtected ? 'protected' : 'not protected'}`,
    ...reasons.map((reason) => `  ${printable(describeReason(reason))}`),
  )
}

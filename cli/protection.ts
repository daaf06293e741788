import type { Command } from 'commander'
import {
  type DatabaseAddress,
  describeAddress,
  findProtection,
  type ProtectionReason,
  SnapError,
  type Store,
} from '../src/index.ts'
import { readConfigFile } from './config-file.ts'
import { askForText, canAsk } from './confirm.ts'
import type { Context } from './context.ts'
import { printable } from './output/printable.ts'

/** The flag that stands in for typing the name of a database. */
export interface NamingFlags {
  confirmDatabase?: string
}

export function addNamingOption(command: Command): Command {
  return command.option(
    '--confirm-database <name>',
    'the name of the database, where typing it would be asked for: for scripts',
  )
}

/** What has to be shown and typed before a database is overwritten. */
export interface Guard {
  database: DatabaseAddress
  /** Empty when the database is not protected. */
  reasons: readonly ProtectionReason[]
  /** The command line names the database, and rightly. */
  isNamed: boolean
}

/**
 * Finds out whether the database is protected, and refuses at once what could
 * not be confirmed later: before anything is read or asked.
 *
 * @throws CONFIRMATION_NEEDED  --confirm-database names another database
 * @throws DATABASE_PROTECTED   nobody can be asked, and the command line does not name it
 * @throws CONFIG_INVALID
 */
export async function openGuard(
  context: Context,
  store: Store,
  database: DatabaseAddress,
  flags: NamingFlags,
): Promise<Guard> {
  const { confirmDatabase: given } = flags
  if (given !== undefined && given !== database.databaseName) {
    throw new SnapError(
      'CONFIRMATION_NEEDED',
      `--confirm-database names '${given}', but the database is '${database.databaseName}'`,
      { question: `is '${database.databaseName}' the database that is meant?` },
      { hint: `check which database is meant: ${describeAddress(database)}` },
    )
  }
  const { config } = await readConfigFile(store, context)
  const reasons = findProtection(database, config, context.io.environment)
  const guard = { database, reasons, isNamed: given !== undefined }
  if (reasons.length > 0 && !guard.isNamed && !canAsk(context)) throw isProtected(guard)
  return guard
}

/**
 * Has the name of a database typed, unless the command line names it.
 *
 * @throws CONFIRMATION_NEEDED  another name was typed, or nobody can be asked
 * @throws ABORTED              the user interrupted the question
 */
export async function requireDatabaseName(
  context: Context,
  guard: Guard,
  purpose: string,
): Promise<void> {
  const name = guard.database.databaseName
  if (guard.isNamed) {
    context.output.note(...formatProtection(guard))
    return
  }
  if (!canAsk(context)) throw cannotAsk(name)
  context.output.insist(...formatProtection(guard))
  const typed = await askForText(
    context,
    `Type the name of the database, ${printable(name)}, to ${purpose}`,
  )
  if (typed !== name) {
    throw new SnapError(
      'CONFIRMATION_NEEDED',
      `not confirmed: '${typed}' is not '${name}'; nothing was changed`,
      { question: `name of the database: ${name}` },
    )
  }
}

/** Says that the database is protected, and why. */
export function formatProtection({ database, reasons }: Guard): string[] {
  if (reasons.length === 0) return []
  return [
    `Protected: ${printable(describeAddress(database))}`,
    ...reasons.map((reason) => `  ${printable(describeReason(reason))}`),
  ]
}

/** `the host 'db.x.neon.tech' is one of Neon`. */
export function describeReason(reason: ProtectionReason): string {
  switch (reason.kind) {
    case 'marked': {
      const { host, database, address } = reason.pattern
      const parts = [
        host && `host ${host}`,
        database && `database ${database}`,
        address && `address ${address}`,
      ]
      return `snap.config.json protects ${parts.filter(Boolean).join(', ')}`
    }
    case 'managedHost':
      return `host '${reason.host}' is a managed server: ${reason.provider}`
    case 'databaseName':
      return `the name of database '${reason.name}' has the word '${reason.word}'`
    case 'hostName':
      return `the name of host '${reason.name}' has the word '${reason.word}'`
    case 'environment':
      return `${reason.variable} is '${reason.value}'`
  }
}

function isProtected({ database, reasons }: Guard): SnapError {
  const name = database.databaseName
  const described = reasons.map(describeReason)
  return new SnapError(
    'DATABASE_PROTECTED',
    `database '${name}' is protected, and there is no terminal to type its name on: ${described[0]}`,
    { databaseName: name, reasons: described },
    {
      hint: `pass --confirm-database ${name} if it is to be overwritten; 'snap help protect' says how to change what is protected`,
    },
  )
}

function cannotAsk(name: string): SnapError {
  return new SnapError(
    'CONFIRMATION_NEEDED',
    'cannot ask for a confirmation: no terminal',
    { question: `name of the database: ${name}` },
    { hint: `pass --confirm-database ${name} to confirm` },
  )
}

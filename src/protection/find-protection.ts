import type { Config, ProtectedPattern } from '../config/config.ts'
import { type DatabaseAddress, describeAddress } from '../postgres/address/database-address.ts'
import { findProductionSigns, type ProductionSign } from './production-signs.ts'

/** Why a database wants its name typed before it is overwritten. */
export type ProtectionReason = { kind: 'marked'; pattern: ProtectedPattern } | ProductionSign

/**
 * Tells why a database is protected; an empty list when it is not. Pure.
 *
 * A mark in the configuration counts always; what merely looks like production
 * does not where the configuration says that the database is none.
 */
export function findProtection(
  address: DatabaseAddress,
  config: Pick<Config, 'protected' | 'unprotected'>,
  environment: Readonly<Record<string, string | undefined>>,
): ProtectionReason[] {
  const marks = config.protected
    .filter((pattern) => matchesPattern(address, pattern))
    .map((pattern) => ({ kind: 'marked' as const, pattern }))
  if (config.unprotected.some((pattern) => matchesPattern(address, pattern))) return marks
  return [...marks, ...findProductionSigns(address, environment)]
}

/** Tells whether everything that a pattern gives matches; letters of either case are equal in host names alone. */
export function matchesPattern(address: DatabaseAddress, pattern: ProtectedPattern): boolean {
  const { host } = address.parts
  return (
    (pattern.host === null || matches(host.toLowerCase(), pattern.host.toLowerCase())) &&
    (pattern.database === null || matches(address.databaseName, pattern.database)) &&
    (pattern.address === null || matches(describeAddress(address), pattern.address))
  )
}

/** `*` stands for any characters. */
function matches(text: string, pattern: string): boolean {
  const source = pattern.split('*').map((piece) => piece.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${source.join('.*')}$`, 's').test(text)
}

import type { SchemaEntry } from '../format/values.ts'
import type { Session } from '../postgres/session.ts'
import { planCreation } from '../restore/plan-creation.ts'

/** Names in definitions are qualified, and what a function's body means need not be there yet. */
export const BEGIN_CREATION =
  "BEGIN; SET LOCAL search_path TO ''; SET LOCAL check_function_bodies = off"

/**
 * Plans to create entries in a new database, where `public` stands already. Pure.
 *
 * @param options.makesRoles  owners and grants are as written; else all is the current user's
 */
export function planScratchCreation(
  entries: readonly SchemaEntry[],
  { serverVersionNumber }: Pick<Session, 'serverVersionNumber'>,
  { currentUser, makesRoles }: { currentUser: string; makesRoles: boolean },
): ReturnType<typeof planCreation> {
  return planCreation(entries, {
    serverVersionNumber,
    currentUser,
    withOwners: makesRoles,
    withPrivileges: makesRoles,
    standing: ({ kind, name }) =>
      kind === 'SCHEMA' && name === 'public' ? { statements: [], setsOwner: true } : undefined,
  })
}

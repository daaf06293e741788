import {
  type DatabaseAddress,
  MIGRATION_REVISION_PREFIX,
  planCheckout,
  SnapError,
  type Store,
  withDatabase,
} from '../../src/index.ts'
import {
  addCheckoutOptions,
  addPartOptions,
  CHECKOUT_EXIT_CODES,
  type CheckoutDocument,
  type CheckoutFlags,
  performCheckout,
} from '../checkout-flow.ts'
import type { Context } from '../context.ts'
import { findDatabaseOf } from '../database.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface CheckoutArguments extends CheckoutFlags {
  into?: string
  migration?: string
}

export type CheckoutJson = CheckoutDocument

export const defineCheckout: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Makes the database equal to a commit, in one transaction, and proves it before that ' +
      'transaction commits; if anything fails, the database is as it was. The state before is ' +
      "committed first, so that 'snap undo' can return to it. Other datastores that the commit holds " +
      'and snap.config.json names are restored after it. With --into the commit is loaded ' +
      'into a new database, and neither the committed database nor HEAD is touched. With --table, ' +
      '--schema-only or --data-only a part is restored as git does it with paths: everything else ' +
      'stays as it is, and so does HEAD. A table comes with its rows, indexes, constraints, ' +
      'triggers, sequences and grants; what it needs besides has to be there.',
    examples: [
      ['snap checkout HEAD --dry-run', 'what it would do, and what would be lost'],
      ['snap checkout HEAD~1', 'the state of the commit before the last'],
      ['snap checkout before-step-6 -y', 'a tag, without asking: for scripts'],
      ['snap checkout main --into shop_copy', 'into a new database on the same server'],
      ["snap checkout HEAD~1 --table 'order*'", 'only these tables, and HEAD stays'],
      ['snap checkout HEAD --data-only --table prices', 'their rows alone, as far as they fit'],
      ['snap checkout --migration 0041', 'the newest commit at a migration, by its beginning'],
      ['snap checkout HEAD --terminate', 'end the sessions that are in the way of its locks'],
    ],
    exitCodes: CHECKOUT_EXIT_CODES,
    seeAlso: [
      'snap undo',
      'snap diff',
      'snap protect',
      'snap ops',
      'snap help revisions',
      'snap help recovery',
    ],
  })
    .argument('[revision]', 'the commit to return to')
    .option(
      '--migration <head>',
      "the newest commit at this migration, written as 'snap log' does or by its first four characters or more; TOOL:HEAD where several tools are in use",
    )
    .option('--into <name-or-url>', 'load it into this new database instead')
  addPartOptions(command)
  addCheckoutOptions(command).action((revision: string | undefined, options: CheckoutArguments) =>
    checkout(context, chooseRevision(revision, options), options),
  )
}

/** `--migration REV` is `migration:REV`, for whoever does not know the latter. */
function chooseRevision(revision: string | undefined, { migration }: CheckoutArguments): string {
  if (revision !== undefined && migration === undefined) return revision
  if (revision === undefined && migration !== undefined) {
    return MIGRATION_REVISION_PREFIX + migration
  }
  const isMissing = revision === undefined
  throw new SnapError(
    'USAGE',
    isMissing ? 'no revision to check out' : 'a revision and --migration name two commits',
    { argument: isMissing ? 'revision' : '--migration' },
    { hint: "write 'snap checkout REVISION' or 'snap checkout --migration HEAD'" },
  )
}

async function checkout(
  context: Context,
  revision: string,
  options: CheckoutArguments,
): Promise<void> {
  await withStore(context, async (store) => {
    const database = await findDatabaseOf(store, context)
    const { into } = options
    await performCheckout(context, options, {
      command: 'checkout',
      store,
      database,
      into:
        into === undefined ? undefined : await findNewDatabase(into, database, { store, context }),
      plan: (_store, settings) => planCheckout(store, { ...settings, revision }),
    })
  })
}

/** A bare name is a database on the same server. */
async function findNewDatabase(
  nameOrUrl: string,
  database: DatabaseAddress,
  { store, context }: { store: Store; context: Context },
): Promise<DatabaseAddress> {
  return nameOrUrl.includes('://')
    ? findDatabaseOf(store, context, nameOrUrl)
    : withDatabase(database, nameOrUrl)
}

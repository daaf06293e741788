import { type DatabaseAddress, planCheckout, type Store, withDatabase } from '../../src/index.ts'
import {
  addCheckoutOptions,
  addPartOptions,
  CHECKOUT_EXIT_CODES,
  CHECKOUT_JSON_KEYS,
  type CheckoutFlags,
  performCheckout,
} from '../checkout-flow.ts'
import type { Context } from '../context.ts'
import { findDatabaseOf } from '../database.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface CheckoutArguments extends CheckoutFlags {
  into?: string
}

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
      ['snap checkout HEAD --terminate', 'end the sessions that are in the way of its locks'],
    ],
    exitCodes: CHECKOUT_EXIT_CODES,
    jsonKeys: CHECKOUT_JSON_KEYS,
  })
    .argument('<revision>', 'the commit to return to')
    .option('--into <name-or-url>', 'load it into this new database instead')
  addPartOptions(command)
  addCheckoutOptions(command).action((revision: string, options: CheckoutArguments) =>
    checkout(context, revision, options),
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

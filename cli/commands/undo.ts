import { planUndo } from '../../src/index.ts'
import {
  addCheckoutOptions,
  CHECKOUT_EXIT_CODES,
  type CheckoutDocument,
  type CheckoutFlags,
  performCheckout,
} from '../checkout-flow.ts'
import type { Context } from '../context.ts'
import { findDatabaseOf } from '../database.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

export type UndoJson = CheckoutDocument

export const defineUndo: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Takes the last checkout back: makes the database equal to the safety commit that the ' +
      'checkout made of the state before, and puts HEAD where it was. It is a checkout itself, ' +
      'with the same care and the same options, and can be undone in turn.',
    examples: [
      ['snap undo --dry-run', 'what it would do, and what would be lost'],
      ['snap undo', 'return to the state before the last checkout'],
    ],
    exitCodes: CHECKOUT_EXIT_CODES,
    seeAlso: ['snap checkout', 'snap rollback', 'snap reflog', 'snap help recovery'],
  })
  addCheckoutOptions(command).action((options: CheckoutFlags) => undo(context, options))
}

async function undo(context: Context, options: CheckoutFlags): Promise<void> {
  await withStore(context, async (store) => {
    const database = await findDatabaseOf(store, context)
    await performCheckout(context, options, { command: 'undo', store, database, plan: planUndo })
  })
}

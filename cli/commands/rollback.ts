import { planRollback, readLastChange } from '../../src/index.ts'
import {
  addCheckoutOptions,
  CHECKOUT_EXIT_CODES,
  type CheckoutDocument,
  type CheckoutFlags,
  performCheckout,
} from '../checkout-flow.ts'
import type { Context } from '../context.ts'
import { findDatabaseOf } from '../database.ts'
import { formatOperationCommand } from '../output/operation-text.ts'
import { formatTime } from '../output/times.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'
import { parseOperationNumber } from './ops.ts'

export type RollbackJson = CheckoutDocument

export const defineRollback: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Returns to the state before an operation: before a run to its guard commit, before a ' +
      'checkout, an undo, a wipe or a rollback to the safety commit it made. Without a number, ' +
      'before the last operation that changed the database, or may have. Whatever has changed ' +
      'since goes too, and is kept in a commit of its own. It is a checkout itself, with the same ' +
      'care and the same options; rolling back twice brings back what the first took away.',
    examples: [
      ['snap rollback --dry-run', 'what it would do, and what would be lost'],
      ['snap rollback', 'take back the last operation'],
      ['snap rollback 17', 'return to the state before operation 17'],
    ],
    exitCodes: CHECKOUT_EXIT_CODES,
    seeAlso: ['snap ops', 'snap undo', 'snap checkout', 'snap help recovery'],
  }).argument('[operation]', "its number, as 'snap ops' lists it", parseOperationNumber)
  addCheckoutOptions(command).action((number: number | undefined, options: CheckoutFlags) =>
    rollback(context, number, options),
  )
}

async function rollback(
  context: Context,
  number: number | undefined,
  options: CheckoutFlags,
): Promise<void> {
  await withStore(context, async (store) => {
    const operation =
      number === undefined ? await readLastChange(store) : await store.operations.read(number)
    const startedAt = new Date(operation.start.startedAt)
    context.output.note(
      `Operation ${operation.number}: ${formatOperationCommand(operation)} ` +
        `(${formatTime(startedAt, context.output.messageStyle.clock)})`,
    )
    const database = await findDatabaseOf(store, context)
    await performCheckout(context, options, {
      command: 'rollback',
      store,
      database,
      plan: (_store, settings) => planRollback(store, { ...settings, operation }),
    })
  })
}

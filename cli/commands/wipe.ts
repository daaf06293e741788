import {
  applyWipe,
  type CheckoutResult,
  planWipe,
  SnapError,
  type WipeOptions,
  type WipePlan,
} from '../../src/index.ts'
import { findAuthor } from '../author.ts'
import { CHECKOUT_EXIT_CODES, outcomeOf } from '../checkout-flow.ts'
import { askForText, canAsk } from '../confirm.ts'
import type { Context } from '../context.ts'
import { findDatabaseOf } from '../database.ts'
import { withOperation } from '../operation.ts'
import { parseCount, parseDurationMs } from '../options.ts'
import { formatCount } from '../output/units.ts'
import {
  formatWipePlan,
  formatWipeResult,
  type WipePlanJson,
  wipePlanAsJson,
} from '../output/wipe-text.ts'
import {
  addNamingOption,
  formatProtection,
  type Guard,
  type NamingFlags,
  openGuard,
  requireDatabaseName,
} from '../protection.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface WipeFlags extends NamingFlags {
  dataOnly?: true
  dryRun?: true
  jobs?: number
  lockTimeout?: number
}

export interface WipeJson {
  plan: WipePlanJson
  /** Null for a dry run, and where nothing was to be done. */
  result: CheckoutResult | null
}

export const defineWipe: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Empties the database in one transaction: every table, view, type, function and schema of ' +
      'yours goes, and every large object. What stays: extensions with their schemas and the rows ' +
      'of their configuration tables, subscriptions, schema public, and the privileges on these, ' +
      'so that the next migration finds the same rights. With --data-only the schema stays as it ' +
      'is, sequences begin again, and tables in which migration tools keep book keep their rows. ' +
      'The state before is committed first and pinned; when that fails, nothing is done. You are ' +
      'shown what goes and asked to type the name of the database and the number of rows; -y does ' +
      'not help, and without a terminal only --confirm-database with the right name does.',
    examples: [
      ['snap wipe --dry-run', 'what would go'],
      ['snap wipe', 'show it, ask twice, empty the database'],
      ['snap wipe --data-only', 'rows alone; the schema stays'],
      ['snap wipe --confirm-database shop_test', 'in a script, of the database shop_test'],
    ],
    exitCodes: CHECKOUT_EXIT_CODES,
    seeAlso: ['snap undo', 'snap protect', 'snap checkout'],
  })
    .option('--data-only', 'rows and large objects, not the schema')
    .option('--dry-run', 'show what would go, and do nothing')
  addNamingOption(command)
    .option('--jobs <count>', 'connections that read at once', parseCount)
    .option(
      '--lock-timeout <duration>',
      'how long to wait for a lock (default 10s)',
      parseDurationMs,
    )
    .action((flags: WipeFlags) => wipe(context, flags))
}

async function wipe(context: Context, flags: WipeFlags): Promise<void> {
  const { io, options, output } = context
  await withStore(context, async (store) => {
    const database = await findDatabaseOf(store, context)
    const guard = flags.dryRun ? undefined : await openGuard(context, store, database, flags)
    if (guard !== undefined) assertCanConfirm(context, guard)
    const settings: WipeOptions = {
      database,
      author: await findAuthor(io),
      jobs: flags.jobs,
      lockTimeoutMs: flags.lockTimeout,
      workingDirectory: io.workingDirectory,
      reporter: context.reporter,
      signal: io.signal,
      now: io.now,
    }
    const scope = flags.dataOnly ? 'rows' : 'everything'
    const show = (plan: WipePlan) => {
      if (options.json) output.json<WipeJson>({ plan: wipePlanAsJson(plan), result: null })
      else output.result(...formatWipePlan(plan, output.style))
    }
    if (guard === undefined) return show(await planWipe(store, { ...settings, scope }))
    await withOperation(context, store, { command: 'wipe', database }, async (operation) => {
      const plan = await planWipe(store, { ...settings, scope })
      if (plan.checkout.isNoOp) return show(plan)
      await confirmTwice(context, guard, plan)
      context.interruptedState =
        'the database is as it was: nothing is changed before the transaction commits'
      const result = await applyWipe(store, plan, { ...settings, onKept: operation.keep })
      Object.assign(operation.outcome, outcomeOf(plan.checkout, result))
      if (options.json) output.json<WipeJson>({ plan: wipePlanAsJson(plan), result })
      else output.result(...formatWipeResult(plan, result, output.colors))
    })
  })
}

/** Before the whole database is read, which may take long. */
function assertCanConfirm(context: Context, { isNamed, database }: Guard): void {
  if (isNamed || canAsk(context)) return
  throw new SnapError(
    'CONFIRMATION_NEEDED',
    'cannot ask for a confirmation: no terminal',
    { question: `name of the database: ${database.databaseName}` },
    { hint: `pass --confirm-database ${database.databaseName} to confirm` },
  )
}

async function confirmTwice(context: Context, guard: Guard, plan: WipePlan): Promise<void> {
  const { options, output } = context
  const lines = formatWipePlan(plan, output.messageStyle)
  if (guard.isNamed) {
    if (options.json !== true) output.note(...lines, ...formatProtection(guard))
    return
  }
  output.insist(...lines)
  await requireDatabaseName(context, guard, plan.scope === 'rows' ? 'empty its tables' : 'empty it')
  const typed = await askForText(
    context,
    'Type the number of rows that will go, as shown above, to do it now',
  )
  if (typed.replace(/[,._ ]/g, '') === String(plan.rowCount)) return
  throw new SnapError(
    'CONFIRMATION_NEEDED',
    `not confirmed: '${typed}' is not ${formatCount(plan.rowCount)}; nothing was changed`,
    { question: `number of rows: ${plan.rowCount}` },
  )
}

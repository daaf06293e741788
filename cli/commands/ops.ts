import { InvalidArgumentError } from 'commander'
import { findOperationState, type Operation, type Store } from '../../src/store-index.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { giveHint } from '../hint.ts'
import { parseCount } from '../options.ts'
import { formatOperation, formatOperations, type OperationState } from '../output/operation-text.ts'
import { pageOutput } from '../pager.ts'
import { findRollbackCommand } from '../rollback-command.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface OpsFlags {
  maxCount?: number
}

/** One operation, a line. */
export interface OpsJson extends Pick<Operation, 'number' | 'start' | 'kept' | 'end'> {
  state: OperationState
  /** What returns to the state before it; null where nothing does. */
  rollbackCommand: string | null
}

export const defineOps: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Lists what was done with this store, newest first: every commit, checkout, undo, run, ' +
      'rollback and wipe, by whom, how it ended and what it changed. With a number it shows all ' +
      'that is known of one, and the command that returns to the state before it. An operation ' +
      'whose process was killed never finished, and shows so. Passwords and other secrets on ' +
      'the command line are cut before it is written down, as far as they can be told. Under ' +
      '--json every operation is one line.',
    examples: [
      ['snap ops', 'the last 20'],
      ['snap ops -n 1000', 'the last thousand'],
      ['snap ops 17', 'everything about operation 17'],
      ["snap ops --json | jq 'select(.end.exitCode != 0)'", 'those that failed'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.backend,
    ],
    seeAlso: ['snap rollback', 'snap reflog', 'snap log'],
  })
    .argument('[operation]', 'the number of one operation', parseOperationNumber)
    .option('-n, --max-count <count>', 'at most this many (default 20)', parseCount)
    .action((number: number | undefined, flags: OpsFlags) => ops(context, number, flags))
}

/** Parses the number of an operation, as an argument. */
export function parseOperationNumber(text: string): number {
  if (!/^[1-9][0-9]{0,9}$/.test(text)) {
    throw new InvalidArgumentError("Operations have numbers; 'snap ops' lists them.")
  }
  return Number(text)
}

async function ops(
  context: Context,
  number: number | undefined,
  { maxCount = 20 }: OpsFlags,
): Promise<void> {
  await withStore(context, async (store) => {
    const { operations } = store
    await pageOutput(context)
    if (number !== undefined) return show(context, await operations.read(number))
    const found: { operation: Operation; state: OperationState }[] = []
    for await (const operation of operations.list()) {
      found.push({ operation, state: await findOperationState(operation) })
      if (found.length === maxCount) break
    }
    await list(context, store, found)
  })
}

async function show(context: Context, operation: Operation): Promise<void> {
  const { options, output } = context
  const state = await findOperationState(operation)
  const rollback = findRollbackCommand(context, operation)
  if (options.json) output.json<OpsJson>(asJson(operation, state, rollback))
  else output.result(...formatOperation(operation, state, { style: output.style, rollback }))
}

async function list(
  context: Context,
  store: Store,
  found: readonly { operation: Operation; state: OperationState }[],
): Promise<void> {
  const { options, output } = context
  if (options.json) {
    for (const { operation, state } of found) {
      await output.jsonLine<OpsJson>(
        asJson(operation, state, findRollbackCommand(context, operation)),
      )
    }
    return
  }
  if (found.length === 0) {
    return giveHint(context, store, 'no command has changed anything yet')
  }
  await output.resultLines(...formatOperations(found, output.style))
}

function asJson(
  operation: Operation,
  state: OperationState,
  rollbackCommand: string | null,
): OpsJson {
  const { number, start, kept, end } = operation
  return { number, state, start, kept, end, rollbackCommand }
}

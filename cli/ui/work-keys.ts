import { act, bindingsOf, type KeyTable, open } from './binding.ts'
import type { CheckoutScreen, StoreScreen } from './state.ts'

/** The keys of what changes something: a checkout, and its question. */

const isAsking = ({ stage }: CheckoutScreen, needed: 'yes' | 'databaseName'): boolean =>
  stage.kind === 'asking' && stage.needed === needed

export const NAME_KEYS: KeyTable = {
  title: 'While typing the name of a protected database',
  bindings: bindingsOf('checkout', [
    {
      keys: ['enter'],
      help: 'carry the plan out, if it is the name',
      short: 'confirm',
      act: ({ id, stage, typed }) => {
        if (stage.kind !== 'asking') return undefined
        if (typed === stage.databaseName) return { effect: { kind: 'confirm', screenId: id } }
        const notice = `'${typed}' is not '${stage.databaseName}': nothing was changed`
        return act({ kind: 'noticed', notice })
      },
    },
    {
      keys: ['escape'],
      help: 'do nothing',
      short: 'do nothing',
      act: () => act({ kind: 'wentBack' }),
    },
    { keys: ['backspace'], help: 'erase', act: () => act({ kind: 'erased' }) },
  ]),
  onText: (text) => act({ kind: 'typed', text }),
}

export const CHECKOUT_KEYS: KeyTable = {
  title: 'Checkout',
  bindings: bindingsOf('checkout', [
    {
      keys: ['y'],
      help: 'carry the plan out',
      short: 'yes',
      act: (screen) =>
        isAsking(screen, 'yes') ? { effect: { kind: 'confirm', screenId: screen.id } } : undefined,
    },
    {
      keys: ['n'],
      help: 'do nothing',
      short: 'no',
      act: (screen) => (isAsking(screen, 'yes') ? act({ kind: 'wentBack' }) : undefined),
    },
    {
      keys: ['u'],
      help: 'when it is done: plan to undo it',
      short: 'undo',
      act: ({ stage }) =>
        stage.kind === 'done' && stage.canUndo
          ? open({ kind: 'checkout', commitId: null })
          : undefined,
    },
  ]),
}

export const OPERATIONS_KEYS: KeyTable = {
  title: 'Operations',
  bindings: bindingsOf('operations', [
    {
      keys: ['enter'],
      help: 'all that is known of it, and the command that returns to the state before',
      short: 'open',
      act: ({ operations, scroll }) => {
        const listed = operations?.[scroll.cursor]
        if (listed === undefined) return undefined
        const { number } = listed.operation
        const command = `snap ops ${number}`
        return open({ kind: 'text', title: `Operation ${number}`, lines: listed.details, command })
      },
    },
  ]),
}

export const STORE_KEYS: KeyTable = {
  title: 'Store',
  bindings: bindingsOf('store', [
    {
      keys: ['c'],
      help: 'check every byte of it',
      short: 'check',
      act: (screen) => beginJob(screen, 'fsck'),
    },
    {
      keys: ['p'],
      help: 'preview what a prune would remove, and why the rest stays',
      short: 'prune preview',
      act: (screen) => beginJob(screen, 'prune'),
    },
  ]),
}

function beginJob({ job }: StoreScreen, kind: 'fsck' | 'prune') {
  const isRunning = job !== null && job.lines === null
  return isRunning
    ? act({ kind: 'noticed', notice: 'wait until what runs has ended, or go back' })
    : act({ kind: 'jobBegun', job: kind })
}

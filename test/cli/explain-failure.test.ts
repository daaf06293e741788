import { deepEqual, equal } from 'node:assert/strict'
import { CommanderError } from 'commander'
import { test } from 'vitest'
import type { Context } from '../../cli/context.ts'
import { explainFailure } from '../../cli/explain-failure.ts'
import { InvariantError, SnapError } from '../../src/index.ts'

const STATE = 'nothing was changed'

function contextOf(signal: AbortSignal): Context {
  return {
    io: { signal },
    interruptedState: STATE,
    arguments: [] as readonly string[],
  } as unknown as Context
}

const running = contextOf(new AbortController().signal)
const interrupted = contextOf(AbortSignal.abort(new Error('interrupted')))

function codeAndHint(failure: unknown): unknown {
  return failure instanceof SnapError ? [failure.code, failure.hint] : failure
}

test('a wrong command line becomes USAGE with the guess as its hint', () => {
  const failure = new CommanderError(
    1,
    'commander.unknownOption',
    "error: unknown option '--jsno'\n(Did you mean --json?)",
  )
  deepEqual(codeAndHint(explainFailure(failure, running)), ['USAGE', 'did you mean --json?'])
})

test('an interruption says what holds now, unless the library knows better', () => {
  const plain = new SnapError('ABORTED', 'commit was interrupted', { operation: 'commit' })
  const knowing = new SnapError(
    'ABORTED',
    'x',
    { operation: 'x' },
    { hint: 'the copy is half done' },
  )
  deepEqual(codeAndHint(explainFailure(plain, interrupted)), ['ABORTED', STATE])
  deepEqual(codeAndHint(explainFailure(knowing, interrupted)), ['ABORTED', 'the copy is half done'])
})

test('what an interruption breaks is an interruption', () => {
  const cut = new SnapError('POSTGRES_CONNECTION_LOST', 'lost', { address: 'x' })
  deepEqual(codeAndHint(explainFailure(cut, interrupted)), ['ABORTED', STATE])
  deepEqual(codeAndHint(explainFailure(interrupted.io.signal.reason, interrupted)), [
    'ABORTED',
    STATE,
  ])
})

test('what it does not break stays what it is', () => {
  const failures = [
    new SnapError('RESTORE_IN_DOUBT', 'lost at COMMIT', { databaseName: 'shop' }),
    new SnapError('REF_CONFLICT', 'moved', { refName: 'HEAD', expected: null, found: null }),
    new InvariantError('two trees, one id'),
    new TypeError('x is not a function'),
  ]
  for (const failure of failures) equal(explainFailure(failure, interrupted), failure)
})

test('without an interruption nothing is called one', () => {
  const cut = new SnapError('POSTGRES_CONNECTION_LOST', 'lost', { address: 'x' })
  equal(explainFailure(cut, running), cut)
})

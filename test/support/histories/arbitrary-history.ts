import fc from 'fast-check'
import { type Change, moves, type Step } from './run-history.ts'

const picks = fc.array(fc.nat(0xffff), { minLength: 6, maxLength: 12 })

const change: fc.Arbitrary<Change> = fc.record({
  move: fc.constantFrom(...Object.keys(moves)),
  picks,
})

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 16, arbitrary: change.map((each): Step => ({ kind: 'change', ...each })) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('transaction' as const),
      changes: fc.array(change, { minLength: 1, maxLength: 5 }),
      isRolledBack: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'commit' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'branch' }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('checkout' as const), which: fc.nat(99) }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'undo' }) },
)

const CREATIONS = [
  'createTable',
  'createPartitioned',
  'createTable',
  'createView',
  'createTable',
  'createRoutine',
  'createType',
  'createMaterializedView',
]

/** Something to work with, and a state that can be returned to. */
const beginning: fc.Arbitrary<Step[]> = fc
  .array(picks, { minLength: 6, maxLength: 12 })
  .map((all) => [
    ...all.flatMap((each, i): Step[] => [
      { kind: 'change', move: CREATIONS[i % CREATIONS.length]!, picks: each },
      { kind: 'change', move: 'fillTable', picks: each },
    ]),
    { kind: 'commit' },
  ])

/** Takes some seconds to run; ends in a state that a first commit can be restored from. */
export const arbitraryHistory: fc.Arbitrary<Step[]> = fc
  .tuple(beginning, fc.array(step, { minLength: 20, maxLength: 50, size: 'max' }))
  .map(([first, rest]) => [...first, ...rest])

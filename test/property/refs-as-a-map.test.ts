import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MemoryBackend } from '../../src/backend/memory-backend.ts'
import { isSnapError } from '../../src/errors.ts'
import { objectIdOf } from '../../src/format/object-id.ts'
import type { ObjectId } from '../../src/format/values.ts'
import { type RefMove, RefStore } from '../../src/refs/ref-store.ts'
import { ada, noon } from '../support/store.ts'

const NAMES = ['refs/heads/main', 'refs/heads/Main', 'refs/heads/größe', 'refs/tags/v1']
const IDS = [1, 2, 3].map((i) => objectIdOf(Buffer.from(`commit ${i}`)))

type Model = Map<string, ObjectId>

/** Moves to `next`, or removes with null, from what the model says or from something else. */
interface Step {
  name: string
  next: ObjectId | null
  isExpectationRight: boolean
  /** Which of two stores over one backend makes the move. */
  writer: number
}

const anyStep: fc.Arbitrary<Step> = fc.record({
  name: fc.constantFrom(...NAMES),
  next: fc.constantFrom(...IDS, null),
  isExpectationRight: fc.boolean(),
  writer: fc.nat(1),
})

test('refs behave as a map with compare-and-swap, whichever of two writers moves them', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 30 }), async (steps) => {
      const backend = new MemoryBackend()
      const writers = [new RefStore(backend), new RefStore(backend)]
      const model: Model = new Map()
      for (const step of steps) {
        const hasMoved = await attempt(writers[step.writer]!, step, model.get(step.name) ?? null)
        const isAllowed = step.isExpectationRight && (step.next !== null || model.has(step.name))
        expect(hasMoved).toBe(isAllowed)
        if (!isAllowed) continue
        if (step.next === null) model.delete(step.name)
        else model.set(step.name, step.next)
      }
      for (const refs of writers) expect(await contentsOf(refs)).toEqual(sorted(model))
    }),
  )
})

test('a reflog replays to the value: each record begins where the one before it ended', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 30 }), async (steps) => {
      const refs = new RefStore(new MemoryBackend())
      for (const step of steps) {
        await attempt(refs, step, (await refs.find(step.name)) ?? null)
      }
      for (const name of NAMES) {
        const records = []
        for await (const record of refs.log(name)) records.push(record)
        let replayed: ObjectId | null = null
        for (const [i, record] of records.toReversed().entries()) {
          expect(record).toMatchObject({ refName: name, sequence: i + 1, oldId: replayed })
          replayed = record.newId
        }
        expect((await refs.find(name)) ?? null).toBe(replayed)
      }
    }),
  )
})

test('of concurrent moves from one value exactly one happens, in every interleaving', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 5 }), async (scheduler, count) => {
      const backend = new MemoryBackend()
      const create = scheduler.scheduleFunction(backend.create.bind(backend))
      backend.create = create
      const moves = Array.from({ length: count }, (_, i) =>
        new RefStore(backend)
          .move(move('refs/heads/main', null, objectIdOf(Buffer.from([i]))))
          .then(
            (record) => record.newId,
            (error) => (isSnapError(error) ? error.code : error),
          ),
      )
      const outcomes = await scheduler.waitFor(Promise.all(moves))

      const winner = outcomes.filter((outcome) => outcome !== 'REF_EXISTS')
      expect(winner).toHaveLength(1)
      expect(await new RefStore(backend).find('refs/heads/main')).toBe(winner[0])
    }),
  )
})

async function attempt(refs: RefStore, step: Step, current: ObjectId | null): Promise<boolean> {
  const wrong = IDS.find((id) => id !== current)!
  const expected = step.isExpectationRight ? current : wrong
  try {
    if (step.next !== null) await refs.move(move(step.name, expected, step.next))
    else await refs.remove({ ...move(step.name, null, wrong), expected: expected ?? wrong })
    return true
  } catch (error) {
    expect(['REF_CONFLICT', 'REF_EXISTS']).toContain((error as { code: unknown }).code)
    return false
  }
}

function move(name: string, expected: ObjectId | null, next: ObjectId): RefMove {
  return { name, expected, next, reason: { kind: 'commit', message: '' }, author: ada, at: noon }
}

async function contentsOf(refs: RefStore): Promise<[string, ObjectId][]> {
  const contents: [string, ObjectId][] = []
  for await (const { name, id } of refs.list('refs/')) contents.push([name, id])
  return contents
}

function sorted(model: Model): [string, ObjectId][] {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1))
}

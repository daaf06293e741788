import { expect, test } from 'vitest'
import { type PackUsage, planGc } from '../../../src/maintenance/plan-gc.ts'
import { noon } from '../../support/store.ts'

const HOUR_MS = 3_600_000
const policy = {
  now: noon,
  graceMs: 2 * HOUR_MS,
  minDeadShare: 0.25,
  packTargetBytes: 160_000,
  withDeltas: true,
}

function pack(packKey: string, usage: Partial<PackUsage> & { ageHours?: number } = {}): PackUsage {
  const { ageHours = 24, ...rest } = usage
  return {
    packKey,
    sizeBytes: 1000,
    createdAt: new Date(noon.getTime() - ageHours * HOUR_MS),
    hasLineage: false,
    hasMetadata: false,
    objectCount: 10,
    neededObjectCount: 10,
    deadSizeBytes: 0,
    ...rest,
  }
}

test.each<[string, Partial<PackUsage> & { ageHours?: number }, object]>([
  ['needed whole', {}, { action: 'keep', because: 'needed' }],
  ['not needed', { neededObjectCount: 0, deadSizeBytes: 900 }, { action: 'delete' }],
  ['a quarter dead', { neededObjectCount: 7, deadSizeBytes: 250 }, { action: 'repack' }],
  [
    'a little less dead',
    { neededObjectCount: 7, deadSizeBytes: 249 },
    { action: 'keep', because: 'needed' },
  ],
  [
    'not needed, and young',
    { neededObjectCount: 0, deadSizeBytes: 900, ageHours: 1.99 },
    { action: 'keep', because: 'young' },
  ],
  [
    'not needed, and just old enough',
    { neededObjectCount: 0, deadSizeBytes: 900, ageHours: 2 },
    { action: 'delete' },
  ],
  [
    'not needed, and from the future, as a clock that was set back makes it',
    { neededObjectCount: 0, deadSizeBytes: 900, ageHours: -50 },
    { action: 'keep', because: 'young' },
  ],
  ['without entries', { objectCount: 0, neededObjectCount: 0 }, { action: 'delete' }],
])('a pack that is %s', (_, usage, verdict) => {
  expect(planGc([pack('p', usage)], policy).packs[0]?.verdict).toEqual(verdict)
})

test('where no deltas are wanted, packs that may hold some are written again, but for young ones', () => {
  const packs = [pack('plain'), pack('old', { hasLineage: true })]
  const young = pack('young', { hasLineage: true, ageHours: 1 })
  const plan = planGc([...packs, young], { ...policy, withDeltas: false })
  expect(Object.fromEntries(plan.packs.map((each) => [each.packKey, each.verdict.action]))).toEqual(
    {
      plain: 'keep',
      old: 'repack',
      young: 'keep',
    },
  )
})

test.each<[string, number, Partial<PackUsage> & { ageHours?: number }, string]>([
  ['sixteen small packs', 16, {}, 'repack'],
  ['fifteen small packs', 15, {}, 'keep'],
  ['sixteen packs that are not small', 16, { sizeBytes: 10_000 }, 'keep'],
  ['sixteen young packs', 16, { ageHours: 1 }, 'keep'],
  ['sixteen packs in which nothing is needed', 16, { neededObjectCount: 0 }, 'delete'],
])('%s are joined only where it is worth it', (_, count, usage, action) => {
  const packs = Array.from({ length: count }, (_each, i) => pack(`p${i}`, usage))
  const { packs: planned } = planGc([...packs, pack('metadata', { hasMetadata: true })], policy)
  const actions = new Set(
    planned.filter(({ hasMetadata }) => !hasMetadata).map(({ verdict }) => verdict.action),
  )
  expect(actions).toEqual(new Set([action]))
  // Of its kind it is alone.
  expect(planned.find(({ hasMetadata }) => hasMetadata)?.verdict.action).toBe('keep')
})

test('metadata goes before chunks, newer packs before older ones', () => {
  const packs = [
    pack('old chunks', { ageHours: 9 }),
    pack('new chunks', { ageHours: 3 }),
    pack('old metadata', { ageHours: 9, hasMetadata: true }),
    pack('new metadata', { ageHours: 3, hasMetadata: true }),
  ]
  expect(planGc(packs, policy).packs.map(({ packKey }) => packKey)).toEqual([
    'new metadata',
    'old metadata',
    'new chunks',
    'old chunks',
  ])
})

test('what would be given back is counted, and what is dead and stays', () => {
  const packs = [
    pack('gone', { neededObjectCount: 0, deadSizeBytes: 900 }),
    pack('rewritten', { neededObjectCount: 4, deadSizeBytes: 600 }),
    pack('left', { neededObjectCount: 9, deadSizeBytes: 100 }),
    pack('young', { neededObjectCount: 0, deadSizeBytes: 900, ageHours: 1 }),
  ]
  expect(planGc(packs, policy).totals).toEqual({
    packCount: 4,
    sizeBytes: 4000,
    reclaimableSizeBytes: 1600,
    reclaimableObjectCount: 16,
    deadSizeBytesKept: 1000,
  })
})

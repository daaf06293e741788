import { expect, test } from 'vitest'
import { closeOver, invertDependencies } from '../../../src/schema/dependents.ts'

const facts = [[], [0], [1], [0, 2], []].map((dependsOn, entry) => ({
  entry,
  classOid: 0,
  oid: 0,
  dependsOn,
}))

test('dependents of a position are those that name it', () => {
  expect(invertDependencies(facts)).toEqual([[1, 3], [2], [3], [], []])
})

test('a closure holds the seeds and what depends on them at any distance', () => {
  const dependents = invertDependencies(facts)
  expect([...closeOver([1], dependents)].sort()).toEqual([1, 2, 3])
  expect([...closeOver([0], dependents, (_, to) => to !== 1)].sort()).toEqual([0, 3])
})

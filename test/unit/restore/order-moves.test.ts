import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Movable, orderMoves } from '../../../src/restore/order-moves.ts'

/** `old → new` in namespace `s`, or `a.old → b.new`; without an arrow it may be anywhere. */
function relation(text: string, rest: Partial<Movable> = {}): Movable {
  const [from, to] = text.split(' → ').map((place) => {
    const parts = place.split('.')
    return { namespace: parts.length === 2 ? parts[0]! : 's', name: parts.at(-1)! }
  })
  return { ...from!, wanted: to ?? null, spaces: ['relation'], ...rest }
}

function movesOf(...movables: Movable[]): string[] {
  let count = 0
  const { moves } = orderMoves(movables, () => `tmp${++count}`)
  return moves.map(({ from, to }) => {
    const write = ({ namespace, name }: typeof from) =>
      namespace === 's' ? name : `${namespace}.${name}`
    return `${write(from)} → ${write(to)}`
  })
}

describe('names', () => {
  test.each<[claim: string, movables: Movable[], moves: string[]]>([
    ['a free name is taken at once', [relation('a → b')], ['a → b']],
    ['what is where it belongs stays', [relation('a → a')], []],
    [
      'a chain is walked from its free end',
      [relation('a → b'), relation('b → c'), relation('c → d')],
      ['c → d', 'b → c', 'a → b'],
    ],
    [
      'a swap goes through a temporary name',
      [relation('a → b'), relation('b → a')],
      ['b → tmp1', 'a → b', 'tmp1 → a'],
    ],
    [
      'what is wanted nowhere makes room',
      [relation('old → a'), relation('a')],
      ['a → tmp1', 'old → a'],
    ],
    [
      'what is at home does not make room, and the other stays behind',
      [relation('old → a'), relation('a → a')],
      [],
    ],
    [
      'names of other spaces are not in the way',
      [relation('a → b'), relation('b', { spaces: ['type'] })],
      ['a → b'],
    ],
    [
      'a table is in the way of a type too',
      [relation('a → b', { spaces: ['type'] }), relation('b', { spaces: ['relation', 'type'] })],
      ['b → tmp1', 'a → b'],
    ],
    [
      'functions of one name and other arguments are not in the way',
      [relation('f → g', { suffix: '(integer)' }), relation('g', { suffix: '(text)' })],
      ['f → g'],
    ],
  ])('%s', (_, movables, moves) => {
    expect(movesOf(...movables)).toEqual(moves)
  })
})

describe('namespaces', () => {
  test.each<[claim: string, movables: Movable[], moves: string[]]>([
    ['a free place is taken at once', [relation('x.a → y.a')], ['x.a → y.a']],
    ['both change, one after the other', [relation('x.a → y.b')], ['x.a → y.a', 'y.a → y.b']],
    [
      'the new name comes first where the old one is taken',
      [relation('x.a → y.b'), relation('y.a → y.a')],
      ['x.a → x.b', 'x.b → y.b'],
    ],
    [
      'a temporary name comes first where both are taken',
      [relation('x.a → y.b'), relation('y.a → y.a'), relation('x.b → x.b')],
      ['x.a → x.tmp1', 'x.tmp1 → y.tmp1', 'y.tmp1 → y.b'],
    ],
    [
      'two tables change places, their indexes of one name with them',
      [
        relation('x.t → y.t'),
        relation('x.t_key → y.t_key', { follows: 0 }),
        relation('y.t → x.t'),
        relation('y.t_key → x.t_key', { follows: 2 }),
      ],
      [
        'y.t → y.tmp1',
        'y.t_key → y.tmp2',
        'x.t → y.t',
        'y.tmp1 → x.tmp1',
        'x.tmp2 → x.t_key',
        'x.tmp1 → x.t',
      ],
    ],
    [
      'an index that is wanted nowhere leaves its name to one that is at home',
      [relation('x.t → y.t'), relation('x.i', { follows: 0 }), relation('y.i → y.i')],
      ['x.i → x.tmp1', 'x.t → y.t'],
    ],
  ])('%s', (_, movables, moves) => {
    expect(movesOf(...movables)).toEqual(moves)
  })
})

/** Moves names in a model that refuses a name that is taken. */
function replay(movables: readonly Movable[]): string[] {
  let count = 0
  const { moves, places } = orderMoves(movables, () => `tmp${++count}`)
  const now = movables.map(({ namespace, name }) => ({ namespace, name }))
  const assertDistinct = () => {
    const names = now.map(({ namespace, name }) => `${namespace}.${name}`)
    expect(new Set(names).size).toBe(names.length)
  }
  for (const { moved, changes, from, to } of moves) {
    expect(now[moved]).toEqual(from)
    expect(to).not.toEqual(from)
    now[moved] = to
    if (changes === 'namespace') {
      for (const [each, { follows }] of movables.entries()) {
        if (follows === moved) now[each] = { ...now[each]!, namespace: to.namespace }
      }
    }
    assertDistinct()
  }
  expect(now).toEqual(places)
  return now.map(({ namespace, name }) => `${namespace}.${name}`)
}

const wantedOf = (movables: readonly Movable[]) =>
  movables.map(({ wanted }) => `${wanted!.namespace}.${wanted!.name}`)

test('any permutation of names over tables of some schemas is reached, one free name at a time', () => {
  const anyPlaces = fc.uniqueArray(
    fc.record({ namespace: fc.constantFrom('x', 'y'), name: fc.constantFrom(...'abcdef') }),
    { minLength: 1, maxLength: 9, selector: ({ namespace, name }) => `${namespace}.${name}` },
  )
  const anyMovables = anyPlaces.chain((places) =>
    fc
      .tuple(
        fc.shuffledSubarray(places, { minLength: places.length }),
        fc.array(fc.boolean(), { minLength: places.length, maxLength: places.length }),
      )
      .map(([wanted, areTables]) =>
        places.map(
          (place, each): Movable => ({
            ...place,
            wanted: wanted[each]!,
            spaces: areTables[each] ? ['relation', 'type'] : ['relation'],
          }),
        ),
      ),
  )
  fc.assert(
    fc.property(anyMovables, (movables) => {
      expect(replay(movables)).toEqual(wantedOf(movables))
    }),
    { numRuns: 2000 },
  )
})

test('whatever is wanted where, with indexes that go along and things to be dropped, no name is given twice', () => {
  const anyMovable = fc.record({
    namespace: fc.constantFrom('x', 'y'),
    name: fc.constantFrom(...'abcd'),
    wanted: fc.option(
      fc.record({ namespace: fc.constantFrom('x', 'y'), name: fc.constantFrom(...'abcd') }),
    ),
    leader: fc.option(fc.nat(7)),
  })
  fc.assert(
    fc.property(
      fc.uniqueArray(anyMovable, {
        maxLength: 8,
        selector: ({ namespace, name }) => `${namespace}.${name}`,
      }),
      (drafts) => {
        const movables = drafts.map(({ leader, ...rest }, each): Movable => {
          const head = leader === null ? undefined : drafts[leader]
          const follows =
            head !== undefined &&
            leader! < each &&
            head.leader === null &&
            head.namespace === rest.namespace
          return { ...rest, spaces: ['relation'], ...(follows ? { follows: leader! } : {}) }
        })
        replay(movables)
      },
    ),
    { numRuns: 2000 },
  )
})

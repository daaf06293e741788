import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import type { SchemaEntry } from '../../../src/format/values.ts'
import { describeEntry } from '../../../src/restore/entry-kinds.ts'
import { type PartRequest, planPart } from '../../../src/restore/plan-part.ts'
import type { SchemaState } from '../../../src/restore/plan-surgery.ts'

type Row = [kind: string, name: string, definition: string, dependsOn?: string[]]

/** A schema written down as rows; an entry is `KIND name`, in creation order. */
function schemaOf(rows: readonly Row[]): SchemaState {
  const positions = new Map(rows.map(([kind, name], position) => [`${kind} ${name}`, position]))
  return {
    entries: rows.map(
      ([kind, name, definition]): SchemaEntry => ({
        kind,
        name,
        namespace: 'public',
        owner: 'ann',
        section: LATE.has(kind) ? 'postData' : kind === 'COMMENT' ? 'none' : 'preData',
        definition,
        dropStatement: null,
        tableAccessMethod: null,
        tablespace: null,
      }),
    ),
    facts: rows.map(([, , , dependsOn = []], entry) => ({
      entry,
      classOid: 1,
      oid: entry + 1,
      dependsOn: dependsOn.map((name) => positions.get(name)!),
    })),
  }
}

const LATE = new Set(['INDEX', 'CONSTRAINT', 'FK CONSTRAINT', 'TRIGGER'])

function plan(live: readonly Row[], commit: readonly Row[], more: Partial<PartRequest> = {}) {
  return planPart({
    live: schemaOf(live),
    commit: schemaOf(commit),
    columnDependents: [],
    chosen: { relations: new Set(['public\0t']), others: new Set() },
    withDependencies: false,
    ...more,
  })
}

const linesOf = ({ entries, facts }: SchemaState) =>
  entries.map((entry, position) => {
    const needs = facts[position]!.dependsOn.map((each) => entries[each]!.name)
    return [describeEntry(entry), entry.definition, ...needs].join(' · ')
  })

const T: Row = ['TABLE', 't', 'old t']
const INDEX: Row = ['INDEX', 't_i', 'old i', ['TABLE t']]
const COMMENT: Row = ['COMMENT', 'INDEX t_i', 'old comment', ['INDEX t_i']]
const VIEW: Row = ['VIEW', 'v', 'v', ['TABLE t']]

test('a table brings all that belongs to it, and what depends on it stays after it', () => {
  const { target, restored, objects } = plan(
    [['TABLE', 'a', 'new a'], ['TABLE', 't', 'new t'], VIEW],
    [['TABLE', 'a', 'old a'], T, INDEX, COMMENT],
  )
  deepEqual(linesOf(target), [
    'TABLE public.a · new a',
    'TABLE public.t · old t',
    'VIEW public.v · v · t',
    'INDEX public.t_i · old i · t',
    'COMMENT public.INDEX t_i · old comment · t_i',
  ])
  deepEqual([...restored].map(describeEntry), [
    'TABLE public.t',
    'INDEX public.t_i',
    'COMMENT public.INDEX t_i',
  ])
  deepEqual(objects.map(describeEntry), ['TABLE public.t'])
})

test('what only the live table has goes with its present form', () => {
  const { target } = plan([['TABLE', 't', 'new t'], INDEX, COMMENT], [T])
  deepEqual(linesOf(target), ['TABLE public.t · old t'])
})

test('a table of neither side changes nothing, and one of the live side alone goes', () => {
  deepEqual(linesOf(plan([VIEW], [VIEW], {}).target), ['VIEW public.v · v'])
  deepEqual(linesOf(plan([T, INDEX], []).target), [])
})

test.each([
  ['missing', []],
  ['different', [['TYPE', 'mood', 'new mood'] satisfies Row]],
])('a type that is %s is refused, or restored with its comment', (state, live) => {
  const commit: Row[] = [
    ['TYPE', 'mood', 'old mood'],
    ['COMMENT', 'TYPE mood', 'feelings', ['TYPE mood']],
    ['TABLE', 't', 'old t', ['TYPE mood']],
  ]
  let thrown: unknown
  try {
    plan(live, commit)
  } catch (error) {
    thrown = (error as { data: unknown }).data
  }
  deepEqual(thrown, {
    needs: [
      { state, entry: 'TYPE public.mood', neededBy: 'TABLE public.t', add: '--with-dependencies' },
    ],
  })
  const { target, objects } = plan(live, commit, { withDependencies: true })
  deepEqual(linesOf(target), [
    'TYPE public.mood · old mood',
    'COMMENT public.TYPE mood · feelings · mood',
    'TABLE public.t · old t · mood',
  ])
  deepEqual(objects.map(describeEntry), ['TYPE public.mood', 'TABLE public.t'])
})

test('a type that is different matters to nothing that stands as in the commit, unless asked for', () => {
  const live: Row[] = [
    ['TYPE', 'mood', 'new mood'],
    ['TABLE', 't', 'old t', ['TYPE mood']],
  ]
  const commit: Row[] = [
    ['TYPE', 'mood', 'old mood'],
    ['TABLE', 't', 'old t', ['TYPE mood']],
    INDEX,
  ]
  equal(plan(live, commit).target.entries[0]!.definition, 'new mood')
  const { target } = plan(live, commit, { withDependencies: true })
  equal(target.entries[0]!.definition, 'old mood')
})

test('an OID that something else bears by now is not taken along', () => {
  // Both have the first OID: t was renamed to u.
  const { target } = plan([['TABLE', 'u', 'u']], [T])
  deepEqual(
    target.entries.map(({ name }, position) => [name, target.facts[position]!.oid]),
    [
      ['t', 0],
      ['u', 1],
    ],
  )
})

import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { findRenamedTables } from '../../../src/diff/find-renamed-tables.ts'
import type { SchemaEntry } from '../../../src/format/values.ts'

const HERE = { systemIdentifier: '7', oid: 16384 }

/** Entries in order, each with the OID that the catalog knew it by. */
function stateOf(entries: [kind: string, name: string, oid: number][], origin: object = HERE) {
  return {
    origin: origin as typeof HERE,
    schema: entries.map(([kind, name]) => ({ kind, namespace: 'public', name }) as SchemaEntry),
    facts: entries.map(([, , oid], entry) => ({ entry, classOid: 1259, oid, dependsOn: [] })),
  }
}

const before = stateOf([
  ['TABLE', 'users', 100],
  ['TABLE', 'orders', 101],
  ['INDEX', 'a', 102],
])
const after = stateOf([
  ['TABLE', 'people', 100],
  ['TABLE', 'orders', 101],
  ['INDEX', 'b', 102],
  ['TABLE', 'users', 103],
])

test('a table is known again by its OID', () => {
  deepEqual(findRenamedTables(before, after), {
    namesAfter: new Map([['"public"."users"', { namespace: 'public', name: 'people' }]]),
    namesBefore: new Map([['"public"."people"', { namespace: 'public', name: 'users' }]]),
  })
})

test.each([
  ['another cluster', { systemIdentifier: '8', oid: 16384 }],
  ['another database of the cluster', { systemIdentifier: '7', oid: 16385 }],
  ['a cluster whose identity may not be read', { systemIdentifier: null, oid: 16384 }],
  ['a commit of version 1', { systemIdentifier: '7' }],
])('nothing is known of %s', (_, origin) => {
  const nothing = { namesAfter: new Map(), namesBefore: new Map() }
  deepEqual(findRenamedTables({ ...before, origin: origin as typeof HERE }, after), nothing)
})

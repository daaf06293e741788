import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { planGrants } from '../../../src/doctor/plan-grants.ts'
import type { ServerFacts, TableFacts } from '../../../src/doctor/read-server-facts.ts'

const table = (namespace: string, name: string, facts: Partial<TableFacts> = {}): TableFacts => ({
  namespace,
  name: `${namespace}.${name}`,
  isReadable: true,
  isOwned: true,
  hidesRows: false,
  hasKey: true,
  isUnlogged: false,
  isForeign: false,
  estimatedSizeBytes: 0,
  ...facts,
})

const plan = (facts: Partial<ServerFacts>) =>
  planGrants({
    role: 'Re"port',
    tables: [],
    unreadableSequences: [],
    largeObjectCount: 0,
    unreadableLargeObjectCount: 0,
    ...facts,
  } as ServerFacts)

test('who may read everything needs nothing', () => {
  deepEqual(plan({ tables: [table('public', 'orders')] }), [])
})

test('names are quoted, a dot in one is no separator, and each schema is granted once', () => {
  const hidden = { isReadable: false }
  deepEqual(
    plan({
      tables: [
        table('a', 'x.y', hidden),
        table('a', 'z', hidden),
        table('B c', 'z', hidden),
        table('b', 'seen'),
      ],
      unreadableSequences: [{ namespace: 'a', name: 'a.s' }],
    }),
    [
      {
        missing: 'role Re"port may not read 3 of 4 tables',
        statements: [
          'GRANT USAGE ON SCHEMA "a", "B c" TO "Re""port";',
          'GRANT SELECT ON "a"."x.y", "a"."z", "B c"."z" TO "Re""port";',
        ],
      },
      {
        missing: 'role Re"port may not read 1 sequence',
        statements: ['GRANT SELECT ON SEQUENCE "a"."s" TO "Re""port";'],
      },
    ],
  )
})

test('a hundred tables are a few statements', () => {
  const tables = Array.from({ length: 45 }, (_, n) => table('a', `t${n}`, { isReadable: false }))
  deepEqual(plan({ tables })[0]!.statements.length, 1 + 3)
})

test('row security is a matter of the role, and of tables it may read at all', () => {
  const tables = [
    table('a', 't', { hidesRows: true }),
    table('a', 'u', { hidesRows: true, isReadable: false }),
  ]
  deepEqual(plan({ tables }).at(-1), {
    missing: 'row-level security hides rows of 1 of 2 tables from role Re"port (a.t)',
    statements: ['ALTER ROLE "Re""port" BYPASSRLS;'],
  })
})

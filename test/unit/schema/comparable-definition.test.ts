import { expect, test } from 'vitest'
import { comparableDefinition } from '../../../src/schema/comparable-definition.ts'

test('grants come in one order after all revokes, whatever order they were given in', () => {
  const definition =
    'REVOKE ALL ON TABLE t FROM PUBLIC;\nGRANT SELECT ON TABLE t TO "b;";\nGRANT ALL ON TABLE t TO a;'
  expect(comparableDefinition({ kind: 'ACL', definition })).toBe(
    'REVOKE ALL ON TABLE t FROM PUBLIC;\nGRANT ALL ON TABLE t TO a;\nGRANT SELECT ON TABLE t TO "b;";',
  )
})

test('grants of several grantors keep their order, which says who could grant', () => {
  const definition =
    'GRANT SELECT ON TABLE t TO z WITH GRANT OPTION;\nSET SESSION AUTHORIZATION z;\nGRANT SELECT ON TABLE t TO a;\nRESET SESSION AUTHORIZATION;'
  expect(comparableDefinition({ kind: 'ACL', definition })).toBe(definition)
})

test('storage parameters come in one order, and what only looks like them is left alone', () => {
  const definition = `CREATE TABLE t (\n    a text DEFAULT ' WITH (b=1, a=2)'\n)\nWITH (fillfactor='70', autovacuum_enabled='false');\nALTER TABLE t ALTER COLUMN a SET (n_distinct=2, "Z"=1);\nALTER TABLE t ALTER COLUMN a SET (n_distinct_inherited=3, n_distinct=2);`
  expect(comparableDefinition({ kind: 'TABLE', definition })).toBe(
    `CREATE TABLE t (\n    a text DEFAULT ' WITH (b=1, a=2)'\n)\nWITH (autovacuum_enabled='false', fillfactor='70');\nALTER TABLE t ALTER COLUMN a SET (n_distinct=2, "Z"=1);\nALTER TABLE t ALTER COLUMN a SET (n_distinct=2, n_distinct_inherited=3);`,
  )
})

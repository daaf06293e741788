import { expect, test } from 'vitest'
import type { SchemaEntry } from '../../../src/format/values.ts'
import { planUndoOfEntry } from '../../../src/restore/plan-undo-of-entry.ts'

function entry(kind: string, definition: string, more: Partial<SchemaEntry> = {}): SchemaEntry {
  return {
    kind,
    namespace: 'a',
    name: 't',
    owner: 'ada',
    section: 'none',
    definition,
    dropStatement: null,
    tableAccessMethod: null,
    tablespace: null,
    ...more,
  }
}

const alone = () => false

test.each<[string, string, string[]]>([
  ['COMMENT', `COMMENT ON TABLE a.t IS 'it''s IS ''old''';`, ['COMMENT ON TABLE a.t IS NULL']],
  [
    'SECURITY LABEL',
    `SECURITY LABEL FOR x ON TABLE a.t IS 'y';`,
    ['SECURITY LABEL FOR x ON TABLE a.t IS NULL'],
  ],
  [
    'ACL',
    'REVOKE ALL ON FUNCTION a.f() FROM PUBLIC;\nGRANT ALL ON FUNCTION a.f() TO "a TO b" WITH GRANT OPTION;',
    [
      'REVOKE ALL ON FUNCTION a.f() FROM PUBLIC CASCADE',
      'REVOKE ALL ON FUNCTION a.f() FROM "a TO b" CASCADE',
      'GRANT ALL ON FUNCTION a.f() TO "ada"',
      'GRANT EXECUTE ON FUNCTION a.f() TO PUBLIC',
    ],
  ],
  [
    'ROW SECURITY',
    'ALTER TABLE a.t ENABLE ROW LEVEL SECURITY;',
    ['ALTER TABLE a.t DISABLE ROW LEVEL SECURITY'],
  ],
  [
    'SEQUENCE',
    'ALTER TABLE a.t ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (\n    SEQUENCE NAME a.t_id_seq\n);',
    ['ALTER TABLE a.t ALTER COLUMN id DROP IDENTITY'],
  ],
  [
    'SEQUENCE OWNED BY',
    'ALTER SEQUENCE a.s OWNED BY a.t.id;',
    ['ALTER SEQUENCE a.s OWNED BY NONE'],
  ],
  [
    'TABLE ATTACH',
    `ALTER TABLE ONLY a.p ATTACH PARTITION a.t FOR VALUES IN ('x');`,
    ['ALTER TABLE ONLY a.p DETACH PARTITION a.t'],
  ],
  ['TRIGGER', 'ALTER TABLE a.t DISABLE TRIGGER x;', ['ALTER TABLE a.t ENABLE TRIGGER x']],
  [
    'PUBLICATION TABLE',
    'ALTER PUBLICATION p ADD TABLE ONLY a.t (id, x) WHERE ((id > 0));',
    ['ALTER PUBLICATION p DROP TABLE a.t'],
  ],
  [
    'PUBLICATION TABLES IN SCHEMA',
    'ALTER PUBLICATION p ADD TABLES IN SCHEMA a;',
    ['ALTER PUBLICATION p DROP TABLES IN SCHEMA a'],
  ],
  ['INDEX ATTACH', 'ALTER INDEX a.i ATTACH PARTITION a.j;', []],
])('%s is taken back by the inverse of its definition', (kind, definition, expected) => {
  expect(planUndoOfEntry(entry(kind, definition), alone)).toEqual(expected)
})

test('privileges on columns are taken back column by column', () => {
  const definition = 'GRANT SELECT(x),UPDATE(x) ON TABLE a.t TO reader;'
  const acl = entry('ACL', definition, { name: 'COLUMN t.x' })
  expect(planUndoOfEntry(acl, alone)).toEqual([
    'REVOKE SELECT(x),UPDATE(x) ON TABLE a.t FROM reader CASCADE',
  ])
})

test('what has a drop statement is dropped by it, without CASCADE', () => {
  const index = entry('INDEX', 'CREATE INDEX …', { dropStatement: 'DROP INDEX a.i;' })
  expect(planUndoOfEntry(index, alone)).toEqual(['DROP INDEX a.i'])
})

test('what goes with its object is left to that', () => {
  const goesToo = (...kinds: string[]) => kinds.length === 0 || kinds.includes('TABLE')
  const entries = [
    entry('COMMENT', `COMMENT ON TABLE a.t IS 'x';`),
    entry('ACL', 'GRANT SELECT ON TABLE a.t TO reader;'),
    entry('ROW SECURITY', 'ALTER TABLE a.t ENABLE ROW LEVEL SECURITY;'),
  ]
  expect(entries.flatMap((each) => planUndoOfEntry(each, goesToo))).toEqual([])
})

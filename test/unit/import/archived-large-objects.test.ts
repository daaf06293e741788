import { expect, test } from 'vitest'
import { isOfLargeObjects, planLargeObjects } from '../../../src/import/archived-large-objects.ts'
import type { TocEntryWithData } from '../../../src/schema/toc.ts'

const entry = (facts: Partial<TocEntryWithData>): TocEntryWithData => ({
  dumpId: 1,
  classOid: 0,
  oid: 0,
  kind: 'ACL',
  tag: '',
  namespace: null,
  owner: null,
  tableAccessMethod: null,
  tablespace: null,
  relationKind: null,
  section: 'none',
  definition: null,
  dropStatement: null,
  dependencies: [],
  copyStatement: null,
  dataFile: null,
  ...facts,
})

test('grants on a group of large objects are made on each, whatever roles are called', () => {
  const definition =
    'REVOKE ALL ON LARGE OBJECT 7 FROM "LARGE OBJECT 7";\nGRANT SELECT ON LARGE OBJECT 7 TO "a ""LARGE OBJECT 7";\n'
  expect(
    planLargeObjects([
      entry({ dumpId: 3, kind: 'BLOB METADATA', tag: '7..9', definition: '7\n9\n', owner: 'Ann' }),
      entry({ tag: 'LARGE OBJECTS 7..9', definition, dependencies: [3] }),
      entry({ kind: 'BLOBS', tag: '7..9', dependencies: [3], owner: 'Ann' }),
    ]),
  ).toEqual({
    oids: [7, 9],
    owners: ['ALTER LARGE OBJECT 7 OWNER TO "Ann"', 'ALTER LARGE OBJECT 9 OWNER TO "Ann"'],
    comments: [],
    privileges: [definition, definition.replaceAll('LARGE OBJECT 7 ', 'LARGE OBJECT 9 ')],
  })
})

test('a table that is called so is no large object', () => {
  expect(isOfLargeObjects(entry({ kind: 'COMMENT', tag: 'TABLE LARGE OBJECT 7' }))).toBe(false)
  expect(isOfLargeObjects(entry({ kind: 'COMMENT', tag: 'LARGE OBJECT 7' }))).toBe(true)
})

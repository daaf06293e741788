import { describe, expect, test } from 'vitest'
import type { CatalogFact, SchemaEntry } from '../../../src/format/values.ts'
import { planRenames } from '../../../src/restore/plan-renames.ts'
import type { SchemaState } from '../../../src/restore/plan-surgery.ts'

/** One object of a small schema: its OID stays, all else is what a migration changes. */
interface Thing {
  oid: number
  kind?: string
  /** `namespace.name`; of a schema its name. */
  name: string
  columns?: Array<string | null>
  /** OIDs of what it depends on, besides its schema. */
  on?: number[]
  definition?: string
}

const CLASS_OID = 1259

/** A schema `s` (and any others that are named) with these things in it. */
function state(...things: Thing[]): SchemaState {
  const schemas = things.filter(({ kind }) => kind === 'SCHEMA')
  const all = schemas.some(({ name }) => name === 's')
    ? things
    : [{ oid: 1, kind: 'SCHEMA', name: 's' }, ...things]
  const entries = all.map((thing) => entryOf(thing, all))
  const positions = new Map(all.map(({ oid }, position) => [oid, position]))
  const facts = all.map((thing, entry): CatalogFact => {
    const schema = entries.findIndex(
      ({ kind, name }) => kind === 'SCHEMA' && name === entries[entry]!.namespace,
    )
    const dependsOn = [...(thing.on ?? []).map((oid) => positions.get(oid)!), schema]
    return {
      entry,
      classOid: CLASS_OID,
      oid: thing.oid,
      dependsOn: dependsOn.filter((each) => each !== -1).sort((a, b) => a - b),
      ...(thing.columns === undefined ? {} : { columns: thing.columns }),
    }
  })
  return { entries, facts }
}

function entryOf(thing: Thing, all: readonly Thing[]): SchemaEntry {
  const { kind = 'TABLE' } = thing
  const [namespace, name] = kind === 'SCHEMA' ? [null, thing.name] : splitName(thing.name)
  const table = all.find(({ oid }) => oid === thing.on?.[0])
  const columns = thing.columns?.filter((column) => column !== null) ?? []
  const [definition, dropStatement] =
    kind === 'FK CONSTRAINT'
      ? [
          `ALTER TABLE ONLY ${table!.name} ADD CONSTRAINT ${name} FOREIGN KEY;`,
          `ALTER TABLE ONLY ${table!.name} DROP CONSTRAINT ${name};`,
        ]
      : kind === 'SCHEMA'
        ? [`CREATE SCHEMA ${name};`, `DROP SCHEMA ${name};`]
        : [
            `CREATE ${kind} ${thing.name} (${columns.map((column) => `${column} integer`).join(', ')});`,
            `DROP ${kind} ${thing.name};`,
          ]
  return {
    kind,
    namespace,
    name: kind === 'FK CONSTRAINT' ? `${splitName(table!.name)[1]} ${name}` : name,
    owner: 'ada',
    section: 'preData',
    definition: thing.definition ?? definition,
    dropStatement,
    tableAccessMethod: null,
    tablespace: null,
  }
}

const splitName = (name: string) => name.split('.') as [string, string]

const settings = {
  columnDependents: [],
  tables: [],
  materializedViews: [],
  sequences: [],
  isSuperuser: true,
  currentUser: 'ada',
  serverVersionNumber: 180004,
  withOwners: true,
}

function plan(live: SchemaState, target: SchemaState) {
  return planRenames({ live, target, ...settings })
}

describe('statements', () => {
  test.each<[claim: string, live: Thing[], target: Thing[], statements: string[]]>([
    [
      'a table',
      [{ oid: 2, name: 's.b' }],
      [{ oid: 2, name: 's.a' }],
      ['TABLE "s"."b" RENAME TO "a"'],
    ],
    [
      'an index of a name that another table is to have',
      [
        { oid: 2, name: 's.a' },
        { oid: 3, kind: 'INDEX', name: 's.b', on: [2] },
      ],
      [
        { oid: 2, name: 's.b' },
        { oid: 3, kind: 'INDEX', name: 's.c', on: [2] },
      ],
      ['INDEX "s"."b" RENAME TO "c"', 'TABLE "s"."a" RENAME TO "b"'],
    ],
    [
      'a table whose name a new one has taken, which makes room to be dropped',
      [
        { oid: 2, name: 's.a_old' },
        { oid: 3, name: 's.a' },
      ],
      [{ oid: 2, name: 's.a' }],
      ['TABLE "s"."a" RENAME TO "snap_renamed_1"', 'TABLE "s"."a_old" RENAME TO "a"'],
    ],
    [
      'not a table that was dropped and created again',
      [{ oid: 9, name: 's.a' }],
      [{ oid: 2, name: 's.a' }],
      [],
    ],
    [
      'not what has the same OID and is of another kind',
      [{ oid: 2, kind: 'VIEW', name: 's.b' }],
      [{ oid: 2, name: 's.a' }],
      [],
    ],
    [
      'a function by its arguments',
      [{ oid: 2, kind: 'FUNCTION', name: 's.g(x integer)' }],
      [{ oid: 2, kind: 'FUNCTION', name: 's.f(x integer)' }],
      ['FUNCTION "s"."g"(x integer) RENAME TO "f"'],
    ],
    [
      'columns that were swapped, of a table that has another name too',
      [{ oid: 2, name: 's.b', columns: ['id', 'y', 'x'] }],
      [{ oid: 2, name: 's.a', columns: ['id', 'x', 'y'] }],
      [
        'TABLE "s"."b" RENAME TO "a"',
        'TABLE "s"."a" RENAME COLUMN "x" TO "snap_renamed_1"',
        'TABLE "s"."a" RENAME COLUMN "y" TO "x"',
        'TABLE "s"."a" RENAME COLUMN "snap_renamed_1" TO "y"',
      ],
    ],
    [
      'a column whose name a new one has taken',
      [{ oid: 2, name: 's.t', columns: ['old_a', 'a'] }],
      [{ oid: 2, name: 's.t', columns: ['a'] }],
      [
        'TABLE "s"."t" RENAME COLUMN "a" TO "snap_renamed_1"',
        'TABLE "s"."t" RENAME COLUMN "old_a" TO "a"',
      ],
    ],
    [
      'not a column in the place of one that was dropped',
      [{ oid: 2, name: 's.t', columns: [null, 'b'] }],
      [{ oid: 2, name: 's.t', columns: ['a'] }],
      [],
    ],
    [
      'no column where a commit does not know their numbers',
      [{ oid: 2, name: 's.t', columns: ['b'] }],
      [{ oid: 2, name: 's.t' }],
      [],
    ],
    [
      'an inherited column once, in the parent',
      [
        { oid: 2, name: 's.t', columns: ['b'] },
        {
          oid: 3,
          name: 's.c',
          columns: ['x', 'b'],
          on: [2],
          definition: 'CREATE TABLE s.c (\n    x integer\n)\nINHERITS (s.t);',
        },
      ],
      [
        { oid: 2, name: 's.t', columns: ['a'] },
        { oid: 3, name: 's.c', columns: ['x', 'a'], on: [2] },
      ],
      ['TABLE "s"."t" RENAME COLUMN "b" TO "a"'],
    ],
    [
      'a foreign key, of its table as it is called by then',
      [
        { oid: 2, name: 's.b' },
        { oid: 3, kind: 'FK CONSTRAINT', name: 's.new_key', on: [2] },
      ],
      [
        { oid: 2, name: 's.a' },
        { oid: 3, kind: 'FK CONSTRAINT', name: 's.old_key', on: [2] },
      ],
      ['TABLE "s"."b" RENAME TO "a"', 'TABLE "s"."a" RENAME CONSTRAINT "new_key" TO "old_key"'],
    ],
    [
      'a schema, and nothing of what is in it',
      [
        { oid: 1, kind: 'SCHEMA', name: 's' },
        { oid: 2, name: 's.t' },
      ],
      [
        { oid: 1, kind: 'SCHEMA', name: 'r' },
        { oid: 2, name: 'r.t' },
        { oid: 7, kind: 'SCHEMA', name: 's' },
      ],
      ['SCHEMA "s" RENAME TO "r"'],
    ],
    [
      'a table into a schema that is there no more, its index along with it',
      [
        { oid: 2, name: 's.t' },
        { oid: 3, kind: 'INDEX', name: 's.t_index', on: [2] },
      ],
      [
        { oid: 1, kind: 'SCHEMA', name: 's' },
        { oid: 7, kind: 'SCHEMA', name: 'gone' },
        { oid: 2, name: 'gone.t' },
        { oid: 3, kind: 'INDEX', name: 'gone.t_index', on: [2] },
      ],
      ['CREATE SCHEMA gone', 'TABLE "s"."t" SET SCHEMA "gone"'],
    ],
    [
      'names with quotes in them',
      [{ oid: 2, name: 's.t', columns: ['"'] }],
      [{ oid: 2, name: 's.t', columns: ['a b'] }],
      ['TABLE "s"."t" RENAME COLUMN """" TO "a b"'],
    ],
    [
      'with temporary names that nothing has',
      [
        { oid: 2, name: 's.a' },
        { oid: 3, name: 's.b' },
        { oid: 4, name: 's.snap_renamed_1' },
      ],
      [
        { oid: 2, name: 's.b' },
        { oid: 3, name: 's.a' },
        { oid: 4, name: 's.snap_renamed_1' },
      ],
      [
        'TABLE "s"."b" RENAME TO "snap_renamed_2"',
        'TABLE "s"."a" RENAME TO "b"',
        'TABLE "s"."snap_renamed_2" RENAME TO "a"',
      ],
    ],
    [
      'event triggers go first',
      [
        { oid: 5, kind: 'EVENT TRIGGER', name: 's.e' },
        { oid: 2, name: 's.b' },
      ],
      [
        { oid: 5, kind: 'EVENT TRIGGER', name: 's.e' },
        { oid: 2, name: 's.a' },
      ],
      ['DROP EVENT TRIGGER s.e', 'TABLE "s"."b" RENAME TO "a"'],
    ],
  ])('%s', (_, live, target, statements) => {
    const found = plan(state(...live), state(...target))
    expect(found?.statements.map(({ sql }) => sql.replace(/^ALTER /, '')) ?? []).toEqual(statements)
  })
})

test('every thing is said once, whatever temporary names it took', () => {
  const found = plan(
    state(
      { oid: 2, name: 's.b', columns: ['x'] },
      { oid: 3, name: 's.a' },
      { oid: 9, name: 's.c' },
    ),
    state({ oid: 2, name: 's.a', columns: ['y'] }, { oid: 3, name: 's.c' }),
  )
  expect(found?.renames).toEqual([
    { kind: 'TABLE', from: 's.b', to: 's.a' },
    { kind: 'TABLE', from: 's.a', to: 's.c' },
    { kind: 'COLUMN', from: 's.a.x', to: 's.a.y' },
  ])
})

describe('the state that is predicted', () => {
  const view = (oid: number, definition: string, on: number): Thing => ({
    oid,
    kind: 'VIEW',
    name: 's.v',
    definition,
    on: [on],
  })

  test('has the definitions of the commit where only names differ', () => {
    const live = state(
      { oid: 2, name: 's.b', columns: ['new'] },
      view(3, 'CREATE VIEW s.v AS SELECT b.new AS old FROM s.b;', 2),
    )
    const target = state(
      { oid: 2, name: 's.a', columns: ['old'] },
      view(3, 'CREATE VIEW s.v AS SELECT a.old FROM s.a;', 2),
    )
    const found = plan(live, target)!.live
    expect(found.schema).toEqual(target)
    expect(found.formerEntries).toEqual(live.entries)
  })

  test('has other names in definitions that differ in more', () => {
    const live = state({
      oid: 2,
      name: 's.b',
      columns: ['new', 'more'],
      definition: `CREATE TABLE s.b (\n    new integer DEFAULT 'new',\n    more integer\n);`,
    })
    const target = state({ oid: 2, name: 's.a', columns: ['old'] })
    const found = plan(live, target)!.live
    expect(found.schema.entries[1]).toMatchObject({
      name: 'a',
      definition: `CREATE TABLE s.a (\n    old integer DEFAULT 'new',\n    more integer\n);`,
      dropStatement: 'DROP TABLE s.a;',
    })
    expect(found.schema.facts[1]!.columns).toEqual(['old', 'more'])
  })

  test('has rows and dependents of columns under the new names', () => {
    const found = planRenames({
      ...settings,
      live: state({ oid: 2, name: 's.b', columns: ['y', 'x', 'z'] }, view(3, 'CREATE VIEW', 2)),
      target: state({ oid: 2, name: 's.a', columns: ['x', 'y', 'z'] }, view(3, 'CREATE VIEW', 2)),
      columnDependents: [{ table: 1, columnName: 'y', dependent: 2 }],
      tables: [{ namespace: 's', name: 'b', columns: ['y', 'z'], extension: null, rows: null }],
    })!.live
    expect(found.tables).toEqual([
      { namespace: 's', name: 'a', columns: ['x', 'z'], extension: null, rows: null },
    ])
    expect(found.columnDependents).toEqual([{ table: 1, columnName: 'x', dependent: 2 }])
  })

  test('names a not-null constraint where renaming makes its name an unusual one, on 18 only', () => {
    const live = state({
      oid: 2,
      name: 's.b',
      columns: ['id', 'more'],
      definition: 'CREATE TABLE s.b (\n    id integer NOT NULL,\n    more integer\n);',
    })
    const target = state({ oid: 2, name: 's.a', columns: ['id'] })
    const definitionOn = (serverVersionNumber: number) =>
      planRenames({ ...settings, live, target, serverVersionNumber })!.live.schema.entries[1]!
        .definition
    expect(definitionOn(180004)).toBe(
      'CREATE TABLE s.a (\n    id integer CONSTRAINT b_id_not_null NOT NULL,\n    more integer\n);',
    )
    expect(definitionOn(170000)).toBe(
      'CREATE TABLE s.a (\n    id integer NOT NULL,\n    more integer\n);',
    )
  })

  test('depends on the schema that a table has moved to', () => {
    const found = plan(
      state({ oid: 8, kind: 'SCHEMA', name: 'other' }, { oid: 2, name: 's.t' }),
      state(
        { oid: 1, kind: 'SCHEMA', name: 's' },
        { oid: 7, kind: 'SCHEMA', name: 'gone' },
        { oid: 2, name: 'gone.t' },
      ),
    )!.live
    expect(found.schema.entries.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'SCHEMA gone',
      'SCHEMA s',
      'SCHEMA other',
      'TABLE t',
    ])
    expect(found.schema.facts.map(({ dependsOn }) => dependsOn)).toEqual([[], [], [], [0]])
  })
})

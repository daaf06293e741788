/**
 * Parts of a schema with some of everything in it.
 */
import { expect, test } from 'vitest'
import { captureSchema } from '../../src/capture/capture-schema.ts'
import { WHOLE_DATABASE } from '../../src/capture/selection.ts'
import { openSession } from '../../src/postgres/session.ts'
import { describeEntry } from '../../src/restore/entry-kinds.ts'
import { planPart } from '../../src/restore/plan-part.ts'
import { type SchemaState, tableKey } from '../../src/restore/plan-surgery.ts'
import { compareSchemas } from '../../src/schema/compare-schemas.ts'
import { findOwners, isRelation } from '../../src/schema/entry-owners.ts'
import { createFixtureDatabase } from '../support/fixtures.ts'
import { oldestAndNewestMajor } from '../support/postgres.ts'
import { addressOf } from '../support/session.ts'

async function schemaOfEverything(major: number): Promise<SchemaState> {
  const db = await createFixtureDatabase(major, 'everything')
  const session = await openSession(await addressOf(db.url))
  try {
    await session.execute('BEGIN')
    return await captureSchema(session, WHOLE_DATABASE, 'savepoint')
  } finally {
    await session.close()
  }
}

/** Entries that stand before something that they depend on, or are placed after rows and depend on by something before them. */
function misplaced({ entries, facts }: SchemaState): string[] {
  const firstLate = entries.findIndex(({ section }) => section === 'postData')
  return entries.flatMap((entry, position) => {
    const isEarly = facts[position]!.dependsOn.every((each) => each < position)
    const isLate = firstLate === -1 || entry.section !== 'preData' || position < firstLate
    return isEarly && isLate ? [] : [describeEntry(entry)]
  })
}

oldestAndNewestMajor((major) => {
  test('any relation can be taken from an equal schema, and gives that schema', async () => {
    const schema = await schemaOfEverything(major)
    const owners = findOwners(schema)
    const relations = schema.entries.filter(
      (entry, position) => isRelation(entry) && owners[position] === position,
    )
    expect(relations.length).toBeGreaterThan(50)
    for (const relation of relations) {
      const { target, restored } = planPart({
        live: schema,
        commit: schema,
        columnDependents: [],
        chosen: { relations: new Set([tableKey(relation)]), others: new Set() },
        withDependencies: false,
      })
      expect(compareSchemas(schema.entries, target.entries)).toEqual([])
      expect(misplaced(target), describeEntry(relation)).toEqual([])
      expect(restored).toContain(relation)
    }
  })

  test('any relation can be taken with all that it needs, and needs no more then', async () => {
    const schema = await schemaOfEverything(major)
    const nothing = { entries: [], facts: [] }
    for (const relation of schema.entries.filter(isRelation)) {
      const { target, objects } = planPart({
        live: nothing,
        commit: schema,
        columnDependents: [],
        chosen: { relations: new Set([tableKey(relation)]), others: new Set() },
        withDependencies: true,
      })
      expect(misplaced(target), describeEntry(relation)).toEqual([])
      const again = planPart({
        live: nothing,
        commit: schema,
        columnDependents: [],
        chosen: {
          relations: new Set(objects.filter(isRelation).map((each) => tableKey(each))),
          others: new Set(objects.filter((each) => !isRelation(each)).map(describeEntry)),
        },
        withDependencies: false,
      })
      expect(again.target).toEqual(target)
    }
  })

  test('what belongs to a table is named after it', async () => {
    const { entries, facts } = await schemaOfEverything(major)
    const owners = findOwners({ entries, facts })
    const named = new Set(['CONSTRAINT', 'FK CONSTRAINT', 'TRIGGER', 'POLICY', 'RULE', 'DEFAULT'])
    for (const [position, entry] of entries.entries()) {
      if (!named.has(entry.kind)) continue
      const owner = entries[owners[position]!]!
      expect(`${entry.namespace} ${entry.name}`, describeEntry(entry)).toMatch(
        `${owner.namespace} ${owner.name} `,
      )
    }
  })
})

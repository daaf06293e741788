import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { parseForeignKey } from '../../../src/restore/foreign-keys-hold.ts'

test('a foreign key is read from the words of pg_dump', () => {
  deepEqual(
    parseForeignKey(`ALTER TABLE ONLY public."Order Lines"
    ADD CONSTRAINT "its fk" FOREIGN KEY ("order", line) REFERENCES sales.orders(id, "Line") MATCH FULL ON DELETE CASCADE;`),
    {
      constraint: 'its fk',
      table: 'ONLY public."Order Lines"',
      referencedTable: 'sales.orders',
      columns: ['"order"', 'line'],
      referencedColumns: ['id', '"Line"'],
      isMatchFull: true,
    },
  )
})

test('one over periods, and what is no foreign key, is left to the server', () => {
  equal(
    parseForeignKey(
      'ALTER TABLE ONLY a.b ADD CONSTRAINT c FOREIGN KEY (id, PERIOD at) REFERENCES a.d(id, PERIOD at);',
    ),
    undefined,
  )
  equal(parseForeignKey('ALTER TABLE ONLY a.b ADD CONSTRAINT c CHECK (true);'), undefined)
})

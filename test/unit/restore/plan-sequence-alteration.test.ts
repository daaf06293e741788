import { expect, test } from 'vitest'
import { planSequenceAlteration } from '../../../src/restore/plan-sequence-alteration.ts'

const LIMITED = `CREATE SEQUENCE a.s
    AS integer
    START WITH 5
    INCREMENT BY 5
    MINVALUE 5
    MAXVALUE 500
    CACHE 1
    CYCLE;`
const PLAIN = `CREATE SEQUENCE a.s
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;`

test('every option is said, also those that a definition leaves out', () => {
  expect(planSequenceAlteration(LIMITED, PLAIN)).toBe(
    `ALTER SEQUENCE a.s AS bigint
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1 NO CYCLE`,
  )
  expect(planSequenceAlteration(PLAIN, LIMITED)).toContain('AS integer\n')
})

test.each([
  ['of an identity column', 'ALTER TABLE a.t ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY ();'],
  ['that is unlogged', PLAIN.replace('CREATE', 'CREATE UNLOGGED')],
  ['of another name', PLAIN.replace('a.s', 'a.z')],
])('a sequence %s is created again', (_, live) => {
  expect(planSequenceAlteration(live, PLAIN)).toBeUndefined()
})

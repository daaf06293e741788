import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { coveringSummaries, parseLsn, wasOver } from '../../../src/capture/log-position.ts'

test('a log position is one number', () => {
  equal(parseLsn('0/16B3748'), 0x16b3748n)
  equal(parseLsn('16/B374D848'), 0x16_b374d848n)
})

test.each([
  ['has ended before the oldest that runs', '99', '100:105:100,103', true],
  ['runs', '103', '100:105:100,103', false],
  ['has ended between those that run', '101', '100:105:100,103', true],
  ['is newer than all that have ended', '105', '105:105:', false],
  ['is newer than all that have ended, behind a newer epoch', '1', '4294967296:4294967297:', false],
  ['has ended in the epoch before', '4294967295', '4294967296:4294967300:', true],
  ['has ended in this epoch', '2', '4294967300:4294967300:', true],
])('a transaction that %s', (_, transactionId, snapshot, expected) => {
  equal(wasOver(transactionId, snapshot), expected)
})

const summary = (startLsn: string, endLsn: string) => ({ timeline: '1', startLsn, endLsn })
const [first, second, third] = [
  summary('0/100', '0/200'),
  summary('0/200', '0/300'),
  summary('0/300', '1/0'),
] as const

test.each([
  [
    'all that is asked for, in any order',
    [third, first, second],
    '0/180',
    '0/300',
    [first, second],
  ],
  ['one that holds it all', [first, second], '0/210', '0/2FF', [second]],
  ['nothing, where nothing was logged', [], '0/200', '0/200', []],
  ['none, with a gap', [first, third], '0/180', '0/380', undefined],
  ['none, with what is oldest missing', [second], '0/1FF', '0/300', undefined],
  ['none, with what is newest missing', [first, second], '0/180', '0/301', undefined],
  [
    'those that overlap',
    [first, summary('0/180', '0/280'), third],
    '0/100',
    '0/280',
    [first, summary('0/180', '0/280')],
  ],
])('summaries that cover %s', (_, summaries, from, to, expected) => {
  deepEqual(coveringSummaries(summaries, { from: parseLsn(from), to: parseLsn(to) }), expected)
})

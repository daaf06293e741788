import { deepEqual, equal, throws } from 'node:assert/strict'
import { describe, test } from 'vitest'
import {
  normaliseCronExpression,
  parseCronExpression,
  toCalendarEvents,
} from '../../../cli/schedule/cron-expression.ts'

describe('an expression means the same to systemd', () => {
  test.each([
    ['0 2 * * *', ['*-*-* 02:00:00']],
    ['5 * * * *', ['*-*-* *:05:00']],
    ['* * * * *', ['*-*-* *:*:00']],
    ['*/15 * * * *', ['*-*-* *:00,15,30,45:00']],
    ['30 6,18 * * mon-fri', ['Mon,Tue,Wed,Thu,Fri *-*-* 06,18:30:00']],
    ['0 0 1 * *', ['*-*-01 00:00:00']],
    ['0 0 1 jan,JUL *', ['*-01,07-01 00:00:00']],
    ['0 0 * * 0', ['Sun *-*-* 00:00:00']],
    ['0 0 * * 7', ['Sun *-*-* 00:00:00']],
    ['0 0 * * 5-7', ['Sun,Fri,Sat *-*-* 00:00:00']],
    ['0 0 10-20/5 * *', ['*-*-10,15,20 00:00:00']],
    // Either kind of day will do when both are given …
    ['0 0 1,15 * mon', ['*-*-01,15 00:00:00', 'Mon *-*-* 00:00:00']],
    // … both must hold when one of them begins with a star, as cron has it.
    ['0 0 */2 * mon', ['Mon *-*-01,03,05,07,09,11,13,15,17,19,21,23,25,27,29,31 00:00:00']],
    ['0 0 1-31 * mon', ['*-*-* 00:00:00']],
    ['@daily', ['*-*-* 00:00:00']],
    ['  0   2\t* * * ', ['*-*-* 02:00:00']],
  ])('%s', (expression, expected) => {
    deepEqual(toCalendarEvents(parseCronExpression(expression)), expected)
  })
})

describe('what crons do not agree on, or none reads, is refused', () => {
  test.each([
    '',
    '0 2 * *',
    '0 2 * * * *',
    '60 * * * *',
    '0 24 * * *',
    '0 0 0 * *',
    '0 0 32 * *',
    '0 0 * 13 *',
    '0 0 * * 8',
    '5/10 * * * *',
    '*/0 * * * *',
    '*/ * * * *',
    '1-2-3 * * * *',
    '20-10 * * * *',
    '-5 * * * *',
    '1, * * * *',
    '0 0 L * *',
    '0 0 * * monday',
    '@reboot',
    '0 0 * * * root',
  ])("'%s'", (expression) => {
    throws(() => parseCronExpression(expression), { code: 'USAGE' })
  })
})

test('shorthands and blanks are written out for those who do not read them', () => {
  equal(normaliseCronExpression('@weekly'), '0 0 * * 0')
  equal(normaliseCronExpression(' 0  2 * * * '), '0 2 * * *')
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  AnswerReader,
  commandDone,
  finalStatus,
  readyForQuery,
  sessionStart,
} from '../../../src/postgres/pg-dump/wire.ts'

function errorResponse(fields: Record<string, string>): Buffer {
  const text = Object.entries(fields).map(([type, value]) => `${type}${value}\0`)
  const body = Buffer.from(`${text.join('')}\0`)
  const header = Buffer.from([0x45, 0, 0, 0, 0])
  header.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}

test('an answer is complete at its ReadyForQuery, however the socket cuts it', () => {
  // The data row holds bytes that look like a ReadyForQuery message.
  const misleading = Buffer.concat([Buffer.from([0x44, 0, 0, 0, 10]), readyForQuery('I')])
  const answer = Buffer.concat([
    sessionStart({ TimeZone: 'UTC' }, 'T').subarray(0, -6),
    misleading,
    commandDone('SELECT 1', 'T'),
  ])
  fc.assert(
    fc.property(fc.array(fc.nat({ max: answer.length }), { maxLength: 20 }), (cuts) => {
      const offsets = [0, ...cuts.sort((left, right) => left - right), answer.length]
      const reader = new AnswerReader()
      const answers = offsets
        .slice(1)
        .map((end, position) => reader.push(answer.subarray(offsets[position], end)))
        .filter((each) => each !== undefined)
      expect(answers.map((each) => each.equals(answer))).toEqual([true])
      expect(finalStatus(answers[0]!)).toBe('T')
    }),
  )
})

test("the server's error is read out of its answer", () => {
  const reader = new AnswerReader()
  const fields = { S: 'FEHLER', V: 'ERROR', C: '42501', M: 'no', t: 'users', R: 'aclcheck_error' }
  reader.push(Buffer.concat([errorResponse(fields), readyForQuery('E')]))
  expect(reader.lastError).toMatchObject({
    severity: 'ERROR',
    code: '42501',
    message: 'no',
    table: 'users',
    routine: 'aclcheck_error',
  })
})

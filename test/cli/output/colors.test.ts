import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { createColors, wantsColors } from '../../../cli/output/colors.ts'

const terminal = { isTTY: true }
const pipe = { isTTY: false }

test('--color decides, and auto asks the stream, NO_COLOR and TERM', () => {
  deepEqual(
    [
      wantsColors('always', pipe, { NO_COLOR: '1' }),
      wantsColors('never', terminal, {}),
      wantsColors('auto', terminal, {}),
      wantsColors('auto', pipe, {}),
      wantsColors('auto', terminal, { NO_COLOR: '1' }),
      wantsColors('auto', terminal, { NO_COLOR: '' }),
      wantsColors('auto', terminal, { TERM: 'dumb' }),
    ],
    [true, false, true, false, false, true, false],
  )
})

test('colours that are off change nothing, and an empty text is never painted', () => {
  equal(createColors(false).red('text'), 'text')
  equal(createColors(true).red(''), '')
  equal(createColors(true).red('text'), '\u001b[31mtext\u001b[39m')
})

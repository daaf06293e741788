import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { createColors, wantsColors } from '../../../cli/output/colors.ts'

const terminal = { isTTY: true }
const pipe = { isTTY: false }

test('--color decides, and auto asks FORCE_COLOR, NO_COLOR, the stream and TERM', () => {
  deepEqual(
    [
      wantsColors('always', pipe, { NO_COLOR: '1' }),
      wantsColors('never', terminal, {}),
      wantsColors('auto', terminal, {}),
      wantsColors('auto', pipe, {}),
      wantsColors('auto', terminal, { NO_COLOR: '1' }),
      wantsColors('auto', terminal, { NO_COLOR: '' }),
      wantsColors('auto', terminal, { TERM: 'dumb' }),
      wantsColors('auto', pipe, { FORCE_COLOR: '1' }),
      wantsColors('auto', pipe, { FORCE_COLOR: '', TERM: 'xterm' }),
      wantsColors('auto', terminal, { FORCE_COLOR: '0' }),
      wantsColors('auto', pipe, { FORCE_COLOR: '3', NO_COLOR: '1', TERM: 'dumb' }),
      wantsColors('never', terminal, { FORCE_COLOR: '1' }),
    ],
    [true, false, true, false, false, true, false, true, false, false, true, false],
  )
})

test('colours that are off change nothing, and an empty text is never painted', () => {
  equal(createColors(false).red('text'), 'text')
  equal(createColors(true).red(''), '')
  equal(createColors(true).red('text'), '\u001b[31mtext\u001b[39m')
})

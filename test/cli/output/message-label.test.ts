import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { createColors } from '../../../cli/output/colors.ts'
import { paintLabel } from '../../../cli/output/message-label.ts'

test('the label that a message begins with is painted, and nothing else', () => {
  const colors = createColors(true)
  deepEqual(
    ['warning: hint: x', 'hint: y', '  hint: y', 'fatal error', 'reading rows'].map((line) =>
      paintLabel(line, colors),
    ),
    [
      `${colors.yellow('warning:')} hint: x`,
      `${colors.cyan('hint:')} y`,
      '  hint: y',
      'fatal error',
      'reading rows',
    ],
  )
})

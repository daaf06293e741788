import { expect, test } from 'vitest'
import { parseDotenv } from '../../../src/postgres/address/dotenv-file.ts'

test('assignments are read with their quotes, comments and escapes', () => {
  const text = [
    '# a comment',
    'PLAIN=postgresql://u:p#w@h/d # trailing',
    '  export SPACED = value  ',
    'SINGLE=\'a "b" $c\'',
    'DOUBLE="line\\nbreak \\"x\\""',
    'BACKTICK=`x y`',
    'EMPTY=',
    'TWICE=first',
    'TWICE=second\r',
    'not an assignment',
  ].join('\n')
  expect(Object.fromEntries(parseDotenv(text))).toEqual({
    PLAIN: 'postgresql://u:p#w@h/d',
    SPACED: 'value',
    SINGLE: 'a "b" $c',
    DOUBLE: 'line\nbreak "x"',
    BACKTICK: 'x y',
    EMPTY: '',
    TWICE: 'second',
  })
})

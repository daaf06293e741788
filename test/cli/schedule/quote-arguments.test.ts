/**
 * Words are written for a shell, cron and systemd, and read back by those who
 * will read them: a real shell, and models of what crontab(5) and
 * systemd.service(5) say that the other two do.
 */

import { deepEqual, equal, throws } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { test } from 'vitest'
import {
  quoteForCron,
  quoteForShell,
  quoteForSystemd,
} from '../../../cli/schedule/quote-arguments.ts'

const word = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => !/[\x00-\x1f\x7f]/.test(text)),
  fc
    .array(fc.constantFrom('%', '\\', "'", '"', ' ', '$', '`', ';', '&', '#', '~', 'a', '!'), {
      maxLength: 8,
    })
    .map((pieces) => pieces.join('')),
)
const words = fc.array(word, { minLength: 1, maxLength: 5 })

const shellWordsOf = (commandLine: string): string[] =>
  execFileSync('/bin/sh', ['-c', `for word in ${commandLine}; do printf '%s\\0' "$word"; done`])
    .toString()
    .split('\0')
    .slice(0, -1)

/** What cron hands to the shell: up to the first `%` that no backslash stands before, less those backslashes. */
function readAsCron(line: string): string {
  let command = ''
  for (let i = 0; i < line.length; i++) {
    if (line[i] === '%') return command
    if (line[i] === '\\' && i + 1 < line.length) {
      i++
      command += line[i] === '%' ? '%' : `\\${line[i]}`
    } else command += line[i]
  }
  return command
}

/** Words in double quotes with C escapes; `%%` is a percent sign; `$$` a dollar sign but in the first word. */
function readAsSystemd(line: string): string[] {
  const found = [...line.matchAll(/"((?:[^"\\]|\\.)*)"(?: |$)/gs)]
  equal(found.map(([whole]) => whole).join(''), line)
  return found.map(([, quoted], position) => {
    const text = quoted!.replace(/\\(.)/gs, '$1')
    equal(/(^|[^%])(%%)*%([^%]|$)/.test(text), false, `a lone % in ${text}`)
    const plain = text.replaceAll('%%', '%')
    return position === 0 ? plain : plain.replaceAll('$$', '$')
  })
}

test('a shell reads back what was quoted for it', () => {
  fc.assert(
    fc.property(words, (given) => deepEqual(shellWordsOf(quoteForShell(given)), given)),
    { numRuns: 60 },
  )
})

test('cron and then a shell read back what was quoted for cron', () => {
  fc.assert(
    fc.property(words, (given) => deepEqual(shellWordsOf(readAsCron(quoteForCron(given))), given)),
    { numRuns: 60 },
  )
})

test('systemd reads back what was quoted for it', () => {
  fc.assert(
    fc.property(words, (given) => deepEqual(readAsSystemd(quoteForSystemd(given)), given)),
    { numRuns: 300 },
  )
})

test('what it looks like', () => {
  const given = ['/opt/my node', '--store', '/srv/100%/.snap', '$HOME', `it's`]
  equal(quoteForShell(given), `'/opt/my node' --store '/srv/100%/.snap' '$HOME' 'it'\\''s'`)
  equal(quoteForCron(given), `'/opt/my node' --store /srv/100'\\%'/.snap '$HOME' 'it'\\''s'`)
  equal(quoteForSystemd(given), `"/opt/my node" "--store" "/srv/100%%/.snap" "$$HOME" "it's"`)
})

test('a line feed can be in no line', () => {
  for (const quote of [quoteForShell, quoteForCron, quoteForSystemd]) {
    throws(() => quote(['/bin/true', 'a\nb']), { code: 'USAGE' })
  }
})

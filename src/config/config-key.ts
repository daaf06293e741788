/**
 * Keys of a configuration file as one text: `rules.default.maxLossPercent`,
 * `rules.tables."public.users"`, `protected[0].host`. Pure.
 */
import { SnapError } from '../errors.ts'

/** Names of objects' keys, and places in lists from 0. */
export type ConfigPath = readonly (string | number)[]

/** Letters, digits and what else needs no quotes. */
const PLAIN = /^[A-Za-z0-9_$*-]+$/

const STEP = /\.?(?:"((?:[^"\\]|\\.)*)"|\[(\d{1,6})\]|([^.[\]"]+))/y

/**
 * @throws USAGE  it is not written like that
 */
export function parseConfigKey(text: string): ConfigPath {
  const path: (string | number)[] = []
  STEP.lastIndex = 0
  while (STEP.lastIndex < text.length) {
    const at = STEP.lastIndex
    const match = STEP.exec(text)
    const hasDot = match?.[0].startsWith('.') === true
    // The first step has no dot, and every other name has.
    const isMisplaced = match?.[2] === undefined ? hasDot === (at === 0) : hasDot || at === 0
    if (match === null || isMisplaced) throw unreadable(text)
    const [, quoted, place, plain] = match
    if (place !== undefined) path.push(Number(place))
    else path.push(plain ?? quoted!.replaceAll(/\\(.)/g, '$1'))
  }
  if (path.length === 0) throw unreadable(text)
  return path
}

export function formatConfigKey(path: ConfigPath): string {
  return path.map((step, position) => formatStep(step, position === 0)).join('')
}

/** One step, with what joins it to the step before. */
export function formatStep(step: string | number, isFirst: boolean): string {
  if (typeof step === 'number') return `[${step}]`
  const name = PLAIN.test(step) ? step : `"${step.replaceAll(/["\\]/g, String.raw`\$&`)}"`
  return isFirst ? name : `.${name}`
}

function unreadable(text: string): SnapError {
  return new SnapError(
    'USAGE',
    `cannot read '${text}' as a key`,
    { argument: text },
    {
      hint: 'write it as rules.default.mayGo, rules.tables."public.users".mayGo or protected[0].host',
    },
  )
}

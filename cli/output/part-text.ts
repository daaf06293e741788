import type { CheckoutPart } from '../../src/index.ts'
import { printable } from './printable.ts'
import { formatQuantity } from './units.ts'

/** More names than this are counted. */
const MAX_NAMES = 3

/** Says what a checkout of a part is about: `the rows of public.orders`. */
export function describePart({ aspect, relations }: CheckoutPart): string {
  const what = { all: '', schema: 'the definitions of ', data: 'the rows of ' }[aspect]
  if (relations === null) return `${what}everything`
  const names = relations.map(({ namespace, name }) => printable(`${namespace}.${name}`))
  return `${what}${names.length > MAX_NAMES ? formatQuantity(names.length, 'table') : names.join(', ')}`
}

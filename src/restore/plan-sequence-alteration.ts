const CREATE_SEQUENCE = /^CREATE SEQUENCE (\S.*?)(?:\n {4}AS (\w+))?\n(.*?);?$/s

/**
 * Plans how a sequence gets other limits or another step without being created again. Pure.
 *
 * @returns undefined for a sequence of another sort: an identity column's, or an unlogged one
 */
export function planSequenceAlteration(live: string, target: string): string | undefined {
  const before = CREATE_SEQUENCE.exec(live.trim())
  const after = CREATE_SEQUENCE.exec(target.trim())
  if (before === null || after === null || before[1] !== after[1]) return undefined
  const [, name, type = 'bigint', options] = after
  const cycle = /\bCYCLE\b/.test(options!) ? '' : ' NO CYCLE'
  return `ALTER SEQUENCE ${name} AS ${type}\n${options}${cycle}`
}

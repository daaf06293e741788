/**
 * Makes a test of whether a table is meant by one of the patterns.
 *
 * `orders` means the table of that name in any schema, `sales.orders` that one;
 * `*` stands for any characters, `?` for one. Without patterns every table is meant.
 */
export function matchTables(
  patterns: readonly string[],
): (table: { namespace: string; name: string }) => boolean {
  const tests = patterns.map((pattern) => {
    const isQualified = pattern.includes('.')
    const expression = new RegExp(`^${[...pattern].map(toExpression).join('')}$`, 'su')
    return ({ namespace, name }: { namespace: string; name: string }) =>
      expression.test(isQualified ? `${namespace}.${name}` : name)
  })
  return (table) => tests.length === 0 || tests.some((test) => test(table))
}

function toExpression(character: string): string {
  if (character === '*') return '.*'
  if (character === '?') return '.'
  return character.replace(/[\\^$.|+()[\]{}/-]/, '\\$&')
}

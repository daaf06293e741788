/**
 * Writes an identifier so that the server reads back exactly these characters.
 *
 * Always quoted: which words are reserved differs between majors, quoting does not.
 */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Writes a string constant that means the same with `standard_conforming_strings` on and off. */
export function quoteLiteral(value: string): string {
  const quoted = `'${value.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`
  return value.includes('\\') ? `E${quoted}` : quoted
}

/** Writes `"namespace"."name"`. */
export function qualifiedName(object: { namespace: string; name: string }): string {
  return `${quoteIdentifier(object.namespace)}.${quoteIdentifier(object.name)}`
}

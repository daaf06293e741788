/**
 * Makes text from a database or a store safe to show on a terminal.
 *
 * Table names and messages may hold any character; an escape sequence among
 * them must not move the cursor or recolour the screen. Control characters
 * become `\x1b`-style escapes.
 */
export function printable(text: string): string {
  return text.replaceAll(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    escapeCharacter,
  )
}

/** As `printable`, but keeps line feeds and tabs: for text of several lines, DDL for instance. */
export function printableLines(text: string): string {
  return text.replaceAll(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    escapeCharacter,
  )
}

function escapeCharacter(character: string): string {
  if (character === '\n') return '\\n'
  if (character === '\t') return '\\t'
  const code = character.codePointAt(0)!
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`
}

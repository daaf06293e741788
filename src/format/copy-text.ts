/**
 * Rows as COPY writes them: fields apart by tabs, `\N` for null, backslashes in
 * front of what would be taken for either (PostgreSQL manual, COPY, "Text Format").
 *
 * A row is handled as *row text*: one character for each byte, without the line
 * feed. So nothing is lost where a database holds bytes that are not UTF-8, and
 * a row can be compared, kept and written back without being understood.
 */

/** The field that stands for null. */
export const NULL_FIELD = '\\N'

/** Splits row text into its fields, as they stand; a table without columns has one empty field a row. */
export function splitFields(rowText: string): string[] {
  return rowText.split('\t')
}

/** Returns the bytes of row text, with the line feed that ends the row. */
export function rowToBytes(rowText: string): Buffer {
  return Buffer.from(`${rowText}\n`, 'latin1')
}

/** Returns row text for bytes from `start` (inclusive) to `end` (exclusive). */
export function bytesToRow(bytes: Uint8Array, start = 0, end = bytes.length): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1', start, end)
}

/** Returns the value of a field as the server would print it, or null. Bytes that are not UTF-8 become U+FFFD. */
export function decodeField(field: string): string | null {
  if (field === NULL_FIELD) return null
  const bytes = field.includes('\\') ? field.replaceAll(ESCAPE, unescapeOne) : field
  return NOT_ASCII.test(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes
}

/** Returns the field that COPY would write for a value; the inverse of `decodeField`. */
export function encodeField(value: string | null): string {
  if (value === null) return NULL_FIELD
  const bytes = NOT_ASCII.test(value) ? Buffer.from(value, 'utf8').toString('latin1') : value
  return bytes.replaceAll(/[\\\b\f\n\r\t\v]/g, (character) => `\\${LETTERS[character]}`)
}

const NOT_ASCII = /[^\0-\x7f]/

/** Octal and hexadecimal forms are read by COPY and never written by it, but cost nothing to know. */
const ESCAPE = /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|([\s\S]))/g

const LETTERS: Readonly<Record<string, string>> = {
  '\\': '\\',
  '\b': 'b',
  '\f': 'f',
  '\n': 'n',
  '\r': 'r',
  '\t': 't',
  '\v': 'v',
}
const CHARACTERS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(LETTERS).map(([character, letter]) => [letter, character]),
)

function unescapeOne(
  _match: string,
  octal: string | undefined,
  hexadecimal: string | undefined,
  letter: string | undefined,
): string {
  if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff)
  if (hexadecimal !== undefined) return String.fromCharCode(Number.parseInt(hexadecimal, 16))
  return CHARACTERS[letter!] ?? letter!
}

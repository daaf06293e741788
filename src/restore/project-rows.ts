import { splitFields } from '../format/copy-text.ts'

const LINE_FEED = 0x0a

/**
 * Leaves columns out of COPY text; rows come out in the order they came in.
 *
 * @param source   pieces that need not end with a row; the last row ends with a line feed
 * @param columns  what each row of `source` holds
 * @param kept     those of them to keep, in the order wanted
 */
export async function* projectRows(
  source: AsyncIterable<Uint8Array>,
  columns: readonly string[],
  kept: readonly string[],
): AsyncGenerator<Uint8Array> {
  const places = kept.map((name) => columns.indexOf(name))
  let rest = Buffer.alloc(0)
  for await (const piece of source) {
    const bytes = rest.length === 0 ? Buffer.from(piece) : Buffer.concat([rest, piece])
    const end = bytes.lastIndexOf(LINE_FEED)
    rest = bytes.subarray(end + 1)
    if (end === -1) continue
    const rows = bytes.toString('latin1', 0, end).split('\n')
    const projected = rows.map((row) => {
      const fields = splitFields(row)
      return places.map((place) => fields[place]).join('\t')
    })
    yield Buffer.from(`${projected.join('\n')}\n`, 'latin1')
  }
}

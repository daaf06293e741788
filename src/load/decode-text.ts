import { SnapError } from '../errors.ts'

/** Where rows are read from; a source may be asked more than once, and begins anew each time. */
export interface RowSource {
  /** How messages name it. */
  path: string
  open(): AsyncIterable<Uint8Array>
}

/**
 * Decodes bytes, piece by piece; a byte order mark is left out.
 *
 * @param encoding  a name of the WHATWG Encoding Standard: `utf-8`, `windows-1252`, `utf-16le`
 * @throws INPUT_UNREADABLE  the bytes are not of this encoding
 * @throws USAGE             there is no such encoding
 */
export async function* decodeText(
  source: RowSource,
  encoding: string,
): AsyncGenerator<string, void, undefined> {
  const decoder = newDecoder(encoding)
  const attempt = (work: () => string) => {
    try {
      return work()
    } catch (cause) {
      throw new SnapError(
        'INPUT_UNREADABLE',
        `cannot read '${source.path}': it is not ${encoding}`,
        { path: source.path },
        { cause, hint: 'say what it is with --encoding: windows-1252, utf-16le …' },
      )
    }
  }
  for await (const bytes of readBytes(source)) {
    const text = attempt(() => decoder.decode(bytes, { stream: true }))
    if (text !== '') yield text
  }
  const rest = attempt(() => decoder.decode())
  if (rest !== '') yield rest
}

async function* readBytes(source: RowSource): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* source.open()
  } catch (cause) {
    if (!(cause instanceof Error) || !('syscall' in cause)) throw cause
    const { code, message } = cause as NodeJS.ErrnoException
    throw new SnapError(
      'INPUT_UNREADABLE',
      `cannot read '${source.path}': ${code ?? message}`,
      { path: source.path },
      { cause },
    )
  }
}

function newDecoder(encoding: string) {
  try {
    return new TextDecoder(encoding, { fatal: true })
  } catch (cause) {
    throw new SnapError(
      'USAGE',
      `there is no encoding '${encoding}'`,
      { argument: '--encoding' },
      { cause, hint: 'for instance utf-8, windows-1252, utf-16le, shift_jis' },
    )
  }
}

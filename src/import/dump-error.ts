import { SnapError } from '../errors.ts'

/** @param file  how messages name the dump */
export function unreadable(
  file: string,
  reason: string,
  hint?: string,
  cause?: unknown,
): SnapError {
  return new SnapError(
    'DUMP_UNREADABLE',
    `cannot import '${file}': ${reason}`,
    { path: file, reason },
    { cause, ...(hint === undefined ? {} : { hint }) },
  )
}

/** For an archive that only pg_restore can read: pg_restore makes a plain dump of it. */
export const makePlainHint = (file: string) =>
  `make a plain dump of it: pg_restore --file=dump.sql '${file}', and import that`

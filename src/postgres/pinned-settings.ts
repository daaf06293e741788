import { quoteLiteral } from './quote.ts'
import type { Session } from './session.ts'

/**
 * What a session must be set to, so that equal data reads as equal bytes.
 *
 * Whatever the role, the database, the configuration file or `options` say, the
 * text of a row and the DDL of an object come out the same.
 */
export const PINNED_SETTINGS: Readonly<Record<string, string>> = {
  client_encoding: 'UTF8',
  // A big table would otherwise be read from where another scan happens to be, and every chunk would differ.
  synchronize_seqscans: 'off',
  extra_float_digits: '3',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  xmloption: 'content',
  lc_monetary: 'C',
  search_path: '',
  // Hidden rows become an error instead of a gap.
  row_security: 'off',
  statement_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  quote_all_identifiers: 'off',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  // Function bodies may name what is created after them.
  check_function_bodies: 'off',
  default_tablespace: '',
  default_table_access_method: 'heap',
}

const PINNED_SINCE: ReadonlyArray<
  readonly [serverVersionNumber: number, name: string, value: string]
> = [[170000, 'transaction_timeout', '0']]

/**
 * Applies `PINNED_SETTINGS` to the session, in one round trip.
 *
 * `lockTimeoutMs` 0 waits for ever; left out, the session's lock_timeout stays as it is.
 */
export async function pinSettings(
  session: Session,
  options: { lockTimeoutMs?: number } = {},
): Promise<void> {
  const settings = new Map(Object.entries(PINNED_SETTINGS))
  for (const [since, name, value] of PINNED_SINCE) {
    if (session.serverVersionNumber >= since) settings.set(name, value)
  }
  if (options.lockTimeoutMs !== undefined)
    settings.set('lock_timeout', `${options.lockTimeoutMs}ms`)

  const calls = [...settings].map(
    ([name, value]) => `set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, false)`,
  )
  // set_config is in pg_catalog, which every search_path includes.
  await session.query(`SELECT ${calls.join(', ')}`)
}

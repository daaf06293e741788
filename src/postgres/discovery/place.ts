import type { RawParameters } from '../address/address-text.ts'

/** Somewhere in a project that names a database. */
export interface NamedPlace {
  /** File and what in it, `compose.yaml#db`: for people, and for whoever picks one of several. */
  place: string
  /** By libpq's names; may hold a password. */
  parameters: RawParameters
}

/** Looks a variable up where the tool that owns the file would. */
export type FindVariable = (name: string) => string | undefined

/** Keeps what is given: an empty value is as good as none to every tool that is read here. */
export function parametersOf(
  values: Readonly<Record<string, string | number | null | undefined>>,
): RawParameters {
  const given = Object.entries(values).filter(
    (pair): pair is [string, string | number] =>
      pair[1] !== undefined && pair[1] !== null && pair[1] !== '',
  )
  return new Map(given.map(([name, value]) => [name, String(value)]))
}

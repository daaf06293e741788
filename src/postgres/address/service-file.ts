import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RawParameters } from './address-text.ts'

/** Where libpq looks for services, the user's own file first. */
export function serviceFilePaths(
  environment: Readonly<Record<string, string | undefined>>,
  homeDirectory: string,
): string[] {
  const own = environment.PGSERVICEFILE || join(homeDirectory, '.pg_service.conf')
  const system = environment.PGSYSCONFDIR
  return system ? [own, join(system, 'pg_service.conf')] : [own]
}

/**
 * Reads connection services, by name; a file that cannot be read has none. The first
 * file that knows a service decides.
 *
 * @see https://www.postgresql.org/docs/current/libpq-pgservice.html
 */
export async function readServices(paths: readonly string[]): Promise<Map<string, RawParameters>> {
  const services = new Map<string, RawParameters>()
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch(() => '')
    for (const [name, parameters] of parseServiceFile(text)) {
      if (!services.has(name)) services.set(name, parameters)
    }
  }
  return services
}

/** `[name]`, and `key=value` lines below it; of two sections of one name the first counts. */
export function parseServiceFile(text: string): Map<string, RawParameters> {
  const services = new Map<string, RawParameters>()
  let current: RawParameters | undefined
  for (const line of text.split(/\r?\n/).map((each) => each.trim())) {
    if (line === '' || line.startsWith('#')) continue
    const name = /^\[(.*)\]$/.exec(line)?.[1]
    if (name !== undefined) {
      current = new Map()
      if (!services.has(name)) services.set(name, current)
      continue
    }
    const separator = line.indexOf('=')
    if (separator > 0) {
      current?.set(line.slice(0, separator).trim(), line.slice(separator + 1).trim())
    }
  }
  return services
}

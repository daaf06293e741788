/**
 * A PostgreSQL server as if it were far away: a unix socket that passes on what comes, later.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Listens until it is closed, in a folder of its own.
 *
 * @param {string} socketPath  where the server listens
 * @param {number} delayMs  of each direction; what is on its way does not hold up what follows
 * @returns {Promise<{ host: string, close: () => void }>}  `host`: what libpq takes for it, with port 5432
 */
export async function openSlowSocket(socketPath, delayMs) {
  const host = mkdtempSync(join(tmpdir(), 'snap-bench-slow-'))
  const server = createServer((near) => {
    const far = connect(socketPath)
    passOn(near, far, delayMs)
    passOn(far, near, delayMs)
  })
  await new Promise((resolve) => server.listen(join(host, '.s.PGSQL.5432'), () => resolve(null)))
  return {
    host,
    close: () => {
      server.close()
      rmSync(host, { recursive: true, force: true })
    },
  }
}

/** @param {import('node:net').Socket} from @param {import('node:net').Socket} to @param {number} delayMs */
function passOn(from, to, delayMs) {
  from.on('data', (bytes) => setTimeout(() => to.write(bytes), delayMs))
  from.on('end', () => setTimeout(() => to.end(), delayMs))
  from.on('error', () => to.destroy())
}

import { SnapError } from '../../src/index.ts'
import type { ProgramIo } from '../io.ts'
import {
  type EmbeddedPostgres,
  EmbeddedPostgresError,
  startEmbeddedPostgres,
} from './embedded-postgres.ts'
import { findInstalledBinaries } from './find-installed-binaries.ts'

/**
 * Takes the server that npm brings, which an installed package does not have, else one of the machine's own.
 *
 * @param purpose  for the message: `the demo`
 * @throws POSTGRES_UNREACHABLE
 */
export async function startTemporaryServer(
  io: Pick<ProgramIo, 'environment'>,
  purpose: string,
): Promise<EmbeddedPostgres> {
  try {
    return await startEmbeddedPostgres()
  } catch (cause) {
    if (!(cause instanceof EmbeddedPostgresError)) throw cause
    const binaries = await findInstalledBinaries(io.environment.PATH)
    if (binaries !== undefined) return startEmbeddedPostgres({ binaries })
    throw new SnapError(
      'POSTGRES_UNREACHABLE',
      `cannot start a temporary server for ${purpose}: ${cause.message}`,
      { address: 'temporary server' },
      { cause, ...(cause.hint === undefined ? {} : { hint: cause.hint }) },
    )
  }
}

import { setImmediate } from 'node:timers/promises'
import { throwIfAborted } from '../errors.ts'
import { examineScript, type Script } from './examine-script.ts'
import { type KnownState, KnownTables } from './known-tables.ts'
import type { SqlFinding } from './sql-finding.ts'
import { loadSqlParser } from './sql-parser.ts'

export interface ExamineOptions {
  /** The tables that are there, as a commit or the live database holds them; null where that is not known. */
  state: KnownState | null
  /** The scripts run one after the other, so that what one makes is not there before the next; else each on its own. */
  isSequence: boolean
  signal?: AbortSignal | undefined
}

/**
 * Finds what SQL scripts would take away if they ran, with PostgreSQL's own parser. Runs nothing.
 *
 * @returns  findings in the order of the scripts
 * @throws ABORTED
 */
export async function examineScripts(
  scripts: readonly Script[],
  { state, isSequence, signal }: ExamineOptions,
): Promise<SqlFinding[]> {
  const parser = await loadSqlParser()
  const shared = new KnownTables(parser, state)
  const findings: SqlFinding[] = []
  for (const script of scripts) {
    // Parsing holds the thread: between two scripts there is time to hear of an interruption.
    await setImmediate()
    throwIfAborted(signal, 'reading SQL')
    const known = isSequence ? shared : new KnownTables(parser, state)
    findings.push(...examineScript(script, { parser, known }))
  }
  return findings
}

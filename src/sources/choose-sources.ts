import type { CommittedSource } from '../format/values.ts'
import type { Source } from './source.ts'

/** What of a commit's sources can be read here. */
export interface ChosenSources {
  /** To be read as the commit has read them: its patterns say what belongs to the source. */
  configured: { source: Source; committed: CommittedSource }[]
  /** In the commit, and not configured here, or as a source of another kind. */
  notConfigured: CommittedSource[]
  /** Configured, and not in the commit. */
  notCommitted: Source[]
}

/** Pairs the sources of a commit with those that are configured, by name. Pure. */
export function chooseSources(
  configured: readonly Source[],
  committed: readonly CommittedSource[],
): ChosenSources {
  const chosen: ChosenSources = { configured: [], notConfigured: [], notCommitted: [] }
  const byName = new Map(configured.map((source) => [source.name, source]))
  for (const each of committed) {
    const source = byName.get(each.name)
    if (source?.kind === 'files' && each.kind === 'files') {
      const { patterns, exclude } = each
      chosen.configured.push({ source: { ...source, patterns, exclude }, committed: each })
    } else if (source?.kind === 'command' && each.kind === 'command') {
      chosen.configured.push({ source, committed: each })
    } else {
      chosen.notConfigured.push(each)
    }
  }
  const names = new Set(committed.map(({ name }) => name))
  chosen.notCommitted = configured.filter(({ name }) => !names.has(name))
  return chosen
}

import type { PlannedSources } from '../../src/index.ts'
import type { CommittedSource, FileChange, FileEntry, SourceDiff } from '../../src/store-index.ts'
import { sizeBytesOf } from '../../src/store-index.ts'
import type { Colors } from './colors.ts'
import { limitLines } from './limit-lines.ts'
import { printable } from './printable.ts'
import { formatCount, formatQuantity, formatSize } from './units.ts'

/** A longer list is cut and the rest counted; `--json` has all of it. */
const MAX_FILE_LINES = 40

const SIGNS = { added: '+', removed: '-', changed: '~' } as const

/** Says how other datastores differ: one line each, and below it one for each path. */
export function formatSourceDiffs(
  diffs: readonly SourceDiff[],
  colors: Colors,
  { isWhole } = { isWhole: false },
): string[] {
  const maxLines = isWhole ? Number.POSITIVE_INFINITY : MAX_FILE_LINES
  const paints = { added: colors.green, removed: colors.red, changed: colors.yellow }
  return diffs.flatMap((diff) => [
    `Source ${printable(diff.name)}: ${describeSource(diff)}`,
    ...limitLines(
      diff.files.map((file) => {
        const change = changeOf(file)
        return `  ${paints[change](`${SIGNS[change]} ${describeFile(file)}`)}`
      }),
      maxLines,
    ),
  ])
}

function describeSource({ kind, change, files, ...sizes }: SourceDiff): string {
  const { sizeBytesBefore, sizeBytesAfter } = sizes
  const size = (bytes: number | null) => (bytes === null ? '-' : formatSize(bytes))
  const counts = (['added', 'removed', 'changed'] as const)
    .map((each) => [each, files.filter((file) => changeOf(file) === each).length] as const)
    .filter(([, count]) => count > 0)
    .map(([each, count]) => `${formatCount(count)} ${each}`)
  const what =
    change === 'added'
      ? ['new among the sources']
      : change === 'removed'
        ? ['no longer among the sources']
        : kind === 'files'
          ? counts
          : ['changed']
  return `${what.join(', ')} (${size(sizeBytesBefore)} -> ${size(sizeBytesAfter)})`
}

export function changeOf({ before, after }: FileChange): keyof typeof SIGNS {
  return before === null ? 'added' : after === null ? 'removed' : 'changed'
}

/** `photos/a.png (12 KiB -> 13 KiB)`. */
function describeFile({ path, before, after }: FileChange): string {
  const texts = [before, after].filter((entry) => entry !== null).map(describeEntry)
  const [first, second] = texts
  const detail = second === undefined || first === second ? first : `${first} -> ${second}`
  const isSameSize = first === second && before?.kind === 'file'
  return `${printable(path)} (${detail}${isSameSize ? ', other contents' : ''})`
}

/** `-0644       1234 2026-03-01T12:00:00.000Z photos/a.png`, one line for each path. */
export function formatFileEntry(entry: FileEntry): string {
  const letter = { file: '-', directory: 'd', symlink: 'l' }[entry.kind]
  const mode = entry.kind === 'symlink' ? '   -' : entry.mode.toString(8).padStart(4, '0')
  const size = entry.kind === 'file' ? String(entry.sizeBytes) : '-'
  const at =
    entry.kind === 'symlink' ? '-' : new Date(Math.floor(entry.modifiedAtUs / 1000)).toISOString()
  const target = entry.kind === 'symlink' ? ` -> ${printable(entry.target)}` : ''
  return `${letter}${mode} ${size.padStart(12)} ${at.padEnd(24)} ${printable(entry.path)}${target}`
}

function describeEntry(entry: FileEntry): string {
  const mode = 'mode' in entry ? entry.mode.toString(8).padStart(4, '0') : ''
  if (entry.kind === 'directory') return `directory ${mode}`
  if (entry.kind === 'symlink') return `link to ${printable(entry.target)}`
  return `${formatSize(entry.sizeBytes)} ${mode}`
}

const LEFT_ALONE: Readonly<Record<PlannedSources['leftAlone'][number]['because'], string>> = {
  notConfigured: 'is in the commit, and not configured here as it was: left as it is',
  notCommitted: 'is not in the commit: left as it is',
  noRestoreCommand: 'has no restore command: left as it is',
}

/** Says what a checkout will do to other datastores. */
export function formatPlannedSources(planned: PlannedSources, colors: Colors): string[] {
  const { changes, unchanged, leftAlone } = planned
  if (changes.length + unchanged.length + leftAlone.length === 0) return []
  return [
    '',
    ...formatSourceDiffs(changes, colors),
    ...unchanged.map((name) => `Source ${printable(name)}: equals the commit already`),
    ...leftAlone.map(({ name, because }) => `Source ${printable(name)} ${LEFT_ALONE[because]}`),
  ]
}

/** Lists when each datastore of a commit was read: they are of different moments. */
export function formatMoments(snapshotAt: string, sources: readonly CommittedSource[]): string[] {
  if (sources.length === 0) return []
  const lines = sources.map((source) => {
    const what =
      source.kind === 'files'
        ? `${formatQuantity(source.entries.rowCount, 'path')} below ${printable(source.root)}, `
        : ''
    return (
      `  ${printable(source.name)}: ${what}${formatSize(sizeBytesOf(source))}, ` +
      `read from ${source.startedAt} to ${source.endedAt}`
    )
  })
  return [
    'Read one after the other, each at its own time:',
    `  PostgreSQL: as of one moment, ${snapshotAt} by the server's clock`,
    ...lines,
  ]
}

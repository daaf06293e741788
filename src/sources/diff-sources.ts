import type { CommittedSource } from '../format/values.ts'
import { abortableReader } from '../objects/abortable-reader.ts'
import type { StreamReader } from '../objects/walk-manifest.ts'
import { compareFiles, type FileChange, readFileEntries } from './compare-files.ts'

/** How one source differs between two states. */
export interface SourceDiff {
  name: string
  kind: CommittedSource['kind']
  change: 'added' | 'removed' | 'changed'
  /** Of all files, or of the output; null where there is no such source. */
  sizeBytesBefore: number | null
  sizeBytesAfter: number | null
  /** Paths that differ, ascending by bytes; empty for a command. */
  files: FileChange[]
}

export interface SourcesState {
  sources: readonly CommittedSource[]
  objects: StreamReader
}

/**
 * Compares the sources of two states, by name. Contents are not read: their ids are in the entries.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, ABORTED
 */
export async function diffSources(
  stateBefore: SourcesState,
  stateAfter: SourcesState,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<SourceDiff[]> {
  const [before, after] = [stateBefore, stateAfter].map(({ sources, objects }) => ({
    sources,
    objects: abortableReader(objects, options.signal, 'comparing files'),
  })) as [SourcesState, SourcesState]
  const names = new Set([...before.sources, ...after.sources].map(({ name }) => name))
  const diffs: SourceDiff[] = []
  for (const name of [...names].sort()) {
    const [a, b] = [before, after].map(({ sources }) => sources.find((each) => each.name === name))
    const { kind } = (b ?? a)!
    if (a !== undefined && b !== undefined && a.kind !== b.kind) {
      diffs.push({ ...(await diffSource(a.kind, a, undefined, before, after)), name, kind: a.kind })
      diffs.push({ ...(await diffSource(b.kind, undefined, b, before, after)), name, kind })
      continue
    }
    const found = await diffSource(kind, a, b, before, after)
    if (isDifferent(a, b, found.files)) diffs.push({ name, kind, ...found })
  }
  return diffs
}

function isDifferent(
  a: CommittedSource | undefined,
  b: CommittedSource | undefined,
  files: readonly FileChange[],
): boolean {
  if (a?.kind === 'command' && b?.kind === 'command') return a.output.rootId !== b.output.rootId
  return a === undefined || b === undefined || files.length > 0
}

async function diffSource(
  kind: CommittedSource['kind'],
  a: CommittedSource | undefined,
  b: CommittedSource | undefined,
  before: SourcesState,
  after: SourcesState,
): Promise<Omit<SourceDiff, 'name' | 'kind'>> {
  const change = a === undefined ? 'added' : b === undefined ? 'removed' : 'changed'
  const files: FileChange[] = []
  if (kind === 'files' && !isSameList(a, b)) {
    const entriesOf = (source: typeof a, { objects }: SourcesState) =>
      source?.kind === 'files' ? readFileEntries(objects, source) : none()
    for await (const each of compareFiles(entriesOf(a, before), entriesOf(b, after))) {
      files.push(each)
    }
  }
  return {
    change,
    sizeBytesBefore: a === undefined ? null : sizeBytesOf(a),
    sizeBytesAfter: b === undefined ? null : sizeBytesOf(b),
    files,
  }
}

/** Bytes of all files of a source, or of what its command wrote. */
export function sizeBytesOf(source: CommittedSource): number {
  return source.kind === 'files' ? source.contents.sizeBytes : source.output.sizeBytes
}

const isSameList = (a: CommittedSource | undefined, b: CommittedSource | undefined) =>
  a?.kind === 'files' && b?.kind === 'files' && a.entries.rootId === b.entries.rootId

async function* none(): AsyncGenerator<never> {}

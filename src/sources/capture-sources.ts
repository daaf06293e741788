import { emit } from '../events.ts'
import type { CommittedSource, NotCaptured } from '../format/values.ts'
import { type CaptureFilesOptions, captureFiles, type SourceSinks } from './capture-files.ts'
import { captureOutput } from './capture-output.ts'
import type { FilesSource, Source } from './source.ts'
import { assertNothingUnfinished } from './staging.ts'

export interface CapturedSources {
  /** Ascending by name. */
  sources: CommittedSource[]
  notCaptured: NotCaptured[]
}

export interface CaptureSourcesOptions extends Pick<CaptureFilesOptions, 'reporter' | 'signal'> {
  /** Called before the first entry of a source, and once more when all of it is read again. */
  onStart?: ((source: FilesSource) => void) | undefined
  /** Called with each file, directory and link as it is found. */
  onEntry?: ((source: FilesSource, ...found: Parameters<OnEntry>) => void) | undefined
  /** A root that is not there counts as empty; otherwise it is refused. */
  mayBeMissing?: boolean | undefined
  now?: (() => Date) | undefined
}

type OnEntry = NonNullable<CaptureFilesOptions['onEntry']>

/**
 * Reads sources one after the other into the sink, each at a moment of its own.
 *
 * @throws SOURCE_UNREADABLE, SOURCE_CHANGED, SOURCE_UNFINISHED, SOURCE_COMMAND_FAILED, ABORTED
 */
export async function captureSources(
  wanted: readonly Source[],
  sinks: SourceSinks,
  { now = () => new Date(), onStart, onEntry, ...options }: CaptureSourcesOptions,
): Promise<CapturedSources> {
  const captured: CapturedSources = { sources: [], notCaptured: [] }
  if (wanted.length > 0) emit(options.reporter, { kind: 'phaseStarted', phase: 'readSources' })
  for (const source of wanted.toSorted(byName)) {
    if (source.kind === 'files') {
      await assertNothingUnfinished(source)
      const files = await captureFiles(source, sinks, {
        ...options,
        now,
        onStart: () => onStart?.(source),
        onEntry: (entry, stats) => onEntry?.(source, entry, stats),
      })
      captured.sources.push(files.committed)
      captured.notCaptured.push(...files.notCaptured)
    } else {
      captured.sources.push(await captureOutput(source, sinks.contents, { ...options, now }))
    }
  }
  return captured
}

export const byName = (left: { name: string }, right: { name: string }) =>
  left.name < right.name ? -1 : left.name > right.name ? 1 : 0

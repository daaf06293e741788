/**
 * Makes other datastores equal to what a commit holds of them.
 *
 * In three parts, around the restore of PostgreSQL: `prepareSources` reads what
 * is there and stages every file, `restore` swaps and runs restore commands once
 * PostgreSQL has committed, `discard` forgets all of it. Only the second changes
 * anything, and what fails in one source does not keep the others from being restored.
 */
import { realpath } from 'node:fs/promises'
import { isSnapError, type SourceState } from '../errors.ts'
import { emit, type Reporter } from '../events.ts'
import type { CommittedSource, NotCaptured } from '../format/values.ts'
import type { ObjectSink } from '../objects/object-sink.ts'
import { readRows, type StreamReader, walkChunks } from '../objects/walk-manifest.ts'
import { captureSources } from './capture-sources.ts'
import type { ChosenSources } from './choose-sources.ts'
import { runCommand } from './run-command.ts'
import type { CommandSource, FilesSource } from './source.ts'
import { type LiveFile, liveFileOf, type StagedFiles, stageFiles } from './stage-files.ts'

/** How a checkout left one source. */
export interface RestoredSource {
  name: string
  kind: CommittedSource['kind']
  state: SourceState
  /** Why it is not restored; null where it is, or need not be. */
  reason: string | null
}

export interface PreparedSources {
  /** What was there before, for the safety commit. */
  before: CommittedSource[]
  notCaptured: NotCaptured[]
  /** Never throws for what becomes of a source: it says so. */
  restore(): Promise<RestoredSource[]>
  discard(): Promise<void>
}

export interface PrepareOptions {
  chosen: ChosenSources['configured']
  sink: ObjectSink
  objects: StreamReader
  reporter?: Reporter | undefined
  signal?: AbortSignal | undefined
  now?: (() => Date) | undefined
}

interface Step {
  name: string
  kind: CommittedSource['kind']
  isNeeded: boolean
  restore(): Promise<void>
  discard(): Promise<void>
  /** What holds of it when `restore` has failed. */
  stateAfterFailure: SourceState
}

/**
 * Reads the live state of sources into the sink, and stages what a commit holds of them.
 *
 * Every object that a restore will read has been read and checked when this resolves.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT  the commit is damaged; nothing was changed
 * @throws what `captureSources` throws
 */
export async function prepareSources(options: PrepareOptions): Promise<PreparedSources> {
  const { chosen, sink, objects, reporter, signal } = options
  const live = new Map<string, Map<string, LiveFile>>()
  const { sources: before, notCaptured } = await captureSources(
    chosen.map(({ source }) => source),
    { entries: sink, contents: sink },
    {
      ...options,
      mayBeMissing: true,
      onStart: ({ name }) => void live.set(name, new Map()),
      onEntry: ({ name }, entry, stats) =>
        void live.get(name)?.set(entry.path, liveFileOf(entry, stats)),
    },
  )
  if (chosen.length > 0) emit(reporter, { kind: 'phaseStarted', phase: 'stageSources' })
  const steps: Step[] = []
  const discard = async () => {
    for (const step of steps) await step.discard()
  }
  try {
    for (const { source, committed } of chosen) {
      const found = before.find(({ name }) => name === source.name)
      if (source.kind === 'files' && committed.kind === 'files') {
        const files = await stageFiles(objects, {
          sourceName: source.name,
          rootPath: await realpath(source.rootPath).catch(() => source.rootPath),
          live: live.get(source.name) ?? new Map(),
          wanted: committed,
          signal,
        })
        steps.push(stepOfFiles(source, files))
      } else if (source.kind === 'command' && committed.kind === 'command') {
        const isEqual = found?.kind === 'command' && found.output.rootId === committed.output.rootId
        // No byte may turn out to be missing when the command has been fed with half of them.
        if (!isEqual) {
          for await (const { id } of walkChunks(objects, committed.output))
            await objects.readChunk(id)
        }
        steps.push(
          stepOfCommand(source, isEqual, () => readRows(objects, committed.output), options),
        )
      }
    }
  } catch (error) {
    await discard()
    throw error
  }
  return {
    before,
    notCaptured,
    restore: () => restoreAll(steps, reporter),
    discard,
  }
}

/** Files first: they are swapped in within a moment, and a command may take its time. */
async function restoreAll(
  steps: readonly Step[],
  reporter: Reporter | undefined,
): Promise<RestoredSource[]> {
  emit(reporter, { kind: 'phaseStarted', phase: 'restoreSources' })
  const restored: RestoredSource[] = []
  const ofKind = (wanted: Step['kind']) => steps.filter(({ kind }) => kind === wanted)
  const inOrder = [...ofKind('files'), ...ofKind('command')]
  for (const { name, kind, isNeeded, restore, stateAfterFailure } of inOrder) {
    if (!isNeeded) {
      restored.push({ name, kind, state: 'unchanged', reason: null })
      continue
    }
    try {
      await restore()
      restored.push({ name, kind, state: 'restored', reason: null })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      restored.push({ name, kind, state: stateOf(error, stateAfterFailure), reason })
    }
  }
  return restored
}

/** A command that never ran has changed nothing. */
function stateOf(error: unknown, otherwise: SourceState): SourceState {
  if (isSnapError(error, 'SOURCE_UNFINISHED')) return 'unknown'
  const hasNotRun = isSnapError(error, 'SOURCE_COMMAND_FAILED') && !error.data.isStarted
  return hasNotRun ? 'asBefore' : otherwise
}

function stepOfFiles({ name }: FilesSource, files: StagedFiles): Step {
  return {
    name,
    kind: 'files',
    isNeeded: files.changeCount > 0,
    restore: () => files.swap(),
    discard: () => files.discard(),
    stateAfterFailure: 'asBefore',
  }
}

function stepOfCommand(
  source: CommandSource,
  isEqual: boolean,
  read: () => AsyncIterable<Uint8Array>,
  options: PrepareOptions,
): Step {
  return {
    name: source.name,
    kind: 'command',
    isNeeded: !isEqual,
    // Not stopped by the signal: PostgreSQL has committed, and half of a restore is worse than a late end.
    restore: () => runCommand(source, 'restore', { input: read() }, { reporter: options.reporter }),
    discard: () => Promise.resolve(),
    stateAfterFailure: 'unknown',
  }
}

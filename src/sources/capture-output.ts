import { SnapError } from '../errors.ts'
import { emit } from '../events.ts'
import type { CommittedOutput } from '../format/values.ts'
import type { ObjectSink } from '../objects/object-sink.ts'
import { type RunOptions, runCommand } from './run-command.ts'
import type { CommandSource } from './source.ts'
import { StreamWriter } from './stream-writer.ts'

/**
 * Runs a source's dump command and puts what it writes into the sink.
 *
 * @throws SOURCE_COMMAND_FAILED  it failed, whatever it had written; or it wrote nothing
 * @throws ABORTED
 */
export async function captureOutput(
  source: CommandSource,
  sink: ObjectSink,
  options: RunOptions & { now: () => Date },
): Promise<CommittedOutput> {
  const { name } = source
  const startedAt = options.now().toISOString()
  const writer = new StreamWriter(sink)
  let sizeBytes = 0
  const onOutput = async (output: AsyncIterable<Uint8Array>) => {
    for await (const bytes of output) {
      await writer.write(bytes)
      sizeBytes += bytes.length
      const progress = { source: name, fileCount: 0, sizeBytes, isDone: false }
      emit(options.reporter, { kind: 'sourceProgress', ...progress })
    }
  }
  await runCommand(source, 'dump', { onOutput }, options)
  if (sizeBytes === 0) {
    // What writes to a file of its own by mistake would be found out when it is to be restored.
    throw new SnapError(
      'SOURCE_COMMAND_FAILED',
      `the dump command of source '${name}' wrote nothing to its stdout`,
      { source: name, role: 'dump', isStarted: true, exitCode: 0, signal: null, stderr: '' },
      { hint: `its command line is sources.${name}.command.dump in snap.config.json` },
    )
  }
  emit(options.reporter, {
    kind: 'sourceProgress',
    source: name,
    fileCount: 0,
    sizeBytes,
    isDone: true,
  })
  return {
    kind: 'command',
    name,
    startedAt,
    endedAt: options.now().toISOString(),
    output: await writer.finish(),
  }
}

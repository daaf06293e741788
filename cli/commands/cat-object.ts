import {
  findMetadataKind,
  type ObjectId,
  resolveRevision,
  SnapError,
  type Store,
} from '../../src/store-index.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface CatObjectOptions {
  type?: true
  size?: true
  pretty?: true
}

export interface CatObjectJson {
  objectId: ObjectId
  kind: string
  sizeBytes: number
  /** A commit, a tree or a manifest node, as store-format.md describes it; null for a chunk. */
  value: unknown
}

export const defineCatObject: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Prints one object of the store, exactly the bytes its id is the SHA-256 of. A commit, a ' +
      'tree or a manifest node can be printed for reading with -p; a chunk is COPY text or ' +
      'JSON lines already.',
    examples: [
      ['snap cat-object HEAD', 'the bytes of a commit'],
      ['snap cat-object -p HEAD', 'the same, for reading'],
      ['snap cat-object -t 3f2a9c', 'the kind of the object whose id begins so'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.backend,
    ],
    seeAlso: ['snap show', 'snap fsck', 'snap help store'],
  })
    .argument('<object>', 'a revision, an id or the beginning of one')
    .option('-t, --type', 'print its kind: commit, tree, node or chunk')
    .option('-s, --size', 'print its size in bytes')
    .option('-p, --pretty', 'print it for reading')
    .action((object: string, options: CatObjectOptions) =>
      withStore(context, (store) => catObject(context, store, object, options)),
    )
}

async function catObject(
  { options, output }: Context,
  store: Store,
  object: string,
  wanted: CatObjectOptions,
): Promise<void> {
  const objectId = await findObjectId(store, object)
  const bytes = await store.objects.read(objectId)
  const kind = await kindOf(store, objectId, bytes)
  if (options.json) {
    const value = await readValue(store, objectId, kind)
    output.json<CatObjectJson>({ objectId, kind, sizeBytes: bytes.byteLength, value })
  } else if (wanted.type) {
    output.result(kind)
  } else if (wanted.size) {
    output.result(String(bytes.byteLength))
  } else if (wanted.pretty && kind !== 'chunk') {
    output.result(JSON.stringify(await readValue(store, objectId, kind), null, 2))
  } else {
    await output.resultBytes(bytes)
  }
}

/** A revision names a commit; an id, or the beginning of one, names any object. */
async function findObjectId(store: Store, object: string): Promise<ObjectId> {
  if (/^[0-9a-f]{4,64}$/.test(object)) {
    const candidates = await store.objects.idsWithPrefix(object)
    if (candidates.length === 1) return candidates[0]!
    if (candidates.length > 1) {
      throw new SnapError(
        'REVISION_AMBIGUOUS',
        `'${object}' is the beginning of ${candidates.length} ids`,
        { revision: object, candidates },
        { hint: 'give more digits' },
      )
    }
  }
  return resolveRevision(store, object)
}

async function kindOf(store: Store, objectId: ObjectId, bytes: Uint8Array): Promise<string> {
  // A table may hold text that looks like a metadata object's header; the pack entry knows better.
  const entry = await store.objects.findEntry(objectId)
  return entry?.kind === 'chunk' ? 'chunk' : (findMetadataKind(bytes) ?? 'unknown')
}

async function readValue(store: Store, objectId: ObjectId, kind: string): Promise<unknown> {
  if (kind === 'commit') return store.objects.readCommit(objectId)
  if (kind === 'tree') return store.objects.readTree(objectId)
  if (kind === 'node') return store.objects.readNode(objectId)
  return null
}

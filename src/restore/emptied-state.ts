/**
 * What a wipe makes of a database, as a commit like any other, so that the way
 * there is the way to any commit: planned, applied in one transaction, proven.
 */
import { putCommit } from '../capture/build-commit.ts'
import type { Capture } from '../capture/capture-database.ts'
import { captureLines, captureStream } from '../capture/capture-stream.ts'
import { WHOLE_DATABASE } from '../capture/selection.ts'
import { encodeJsonLine } from '../format/json-lines.ts'
import { encodeTree } from '../format/tree.ts'
import type {
  CatalogFact,
  Commit,
  MaterializedViewEntry,
  MigrationHead,
  ObjectId,
  SchemaEntry,
  SequenceState,
  TableEntry,
  Tree,
} from '../format/values.ts'
import type { ObjectSink } from '../objects/object-sink.ts'
import { qualifiedName } from '../postgres/quote.ts'
import type { LiveState } from './live-state.ts'
import { selectStandingEntries } from './standing-entries.ts'

/** What goes: every object and its rows, or the rows alone. */
export type WipeScope = 'everything' | 'rows'

/** All that an emptied state consists of; the store need not hold it yet. */
export interface EmptiedState {
  entries: SchemaEntry[]
  facts: CatalogFact[]
  /** Those that stay; `rows` is null where they are to be none. */
  tables: TableEntry[]
  materializedViews: MaterializedViewEntry[]
  sequences: SequenceState[]
  migrations: MigrationHead[]
}

/** What neither a tree nor a schema entry tells of a sequence. */
export interface SequenceFact {
  namespace: string
  name: string
  startValue: string
  isOfExtension: boolean
  /** The table whose column it belongs to. */
  ownedBy: { namespace: string; name: string } | null
}

/**
 * Says what is left of a live state. Pure.
 *
 * The rows of extensions' configuration tables stay. Where only rows go, so do
 * those of the tables in which migration tools keep book: the schema still is
 * what they say it is.
 */
export function planEmptiedState(
  { tree, schema, capture }: Pick<LiveState, 'tree' | 'schema' | 'capture'>,
  scope: WipeScope,
  sequenceFacts: readonly SequenceFact[],
): EmptiedState {
  const factOf = new Map(sequenceFacts.map((fact) => [qualifiedName(fact), fact]))
  if (scope === 'everything') {
    return {
      ...selectStandingEntries(schema),
      tables: tree.tables.filter(({ extension }) => extension !== null),
      materializedViews: [],
      sequences: capture.sequences.filter(
        (sequence) => factOf.get(qualifiedName(sequence))?.isOfExtension === true,
      ),
      migrations: [],
    }
  }
  const bookkeeping = new Set(capture.migrations.map(({ table }) => table))
  const keepsRows = (table: TableEntry) =>
    table.extension !== null || bookkeeping.has(qualifiedName(table))
  return {
    entries: [...schema.entries],
    facts: [...schema.facts],
    tables: tree.tables.map((table) => (keepsRows(table) ? table : { ...table, rows: null })),
    materializedViews: tree.materializedViews,
    sequences: capture.sequences.map((sequence) => {
      const fact = factOf.get(qualifiedName(sequence))
      const counts = fact?.ownedBy ? bookkeeping.has(qualifiedName(fact.ownedBy)) : false
      if (fact === undefined || fact.isOfExtension || counts) return sequence
      return { ...sequence, lastValue: fact.startValue, isCalled: false }
    }),
    migrations: capture.migrations,
  }
}

/** Puts the state and a commit of it into the sink; equal arguments give equal ids. */
export async function putEmptiedState(
  sink: ObjectSink,
  state: EmptiedState,
  options: {
    capture: Capture
    author: Commit['author']
    message: string
    at: Date
  },
): Promise<{ commitId: ObjectId; commit: Commit; tree: Tree }> {
  const { capture, author, message, at } = options
  const none = () => captureStream([], sink)
  const tables: TableEntry[] = []
  for (const table of state.tables) tables.push({ ...table, rows: table.rows ?? (await none()) })
  const tree: Tree = {
    schema: await captureLines(state.entries, encodeJsonLine, sink),
    tables,
    materializedViews: state.materializedViews,
    sequences: await captureLines(state.sequences, encodeJsonLine, sink),
    largeObjects: { metadata: await none(), pages: await none() },
  }
  const { commit, commitId } = await putCommit(
    sink,
    {
      ...capture,
      tree,
      treeId: await sink.put('metadata', encodeTree(tree)),
      catalog: await captureLines(state.facts, encodeJsonLine, sink),
      notCaptured: [],
      migrations: state.migrations,
      // It holds what the database does not; no log leads from the one to the other.
      walBase: undefined,
    },
    {
      parentIds: [],
      purpose: 'safety',
      message,
      author,
      createdAt: at,
      selection: WHOLE_DATABASE,
      git: null,
    },
  )
  return { commitId, commit, tree }
}

import {
  type Commit,
  compareTables,
  type ObjectId,
  readSchemaEntries,
  resolveRevision,
  type SchemaEntry,
  type Store,
  type TableChange,
  type Tree,
} from '../../src/store-index.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { findParent } from '../find-parent.ts'
import { namesOf, readDecorations } from '../names.ts'
import {
  formatCommitLine,
  formatMessage,
  type TreeTotals,
  totalsOf,
} from '../output/commit-text.ts'
import { printable, printableLines } from '../output/printable.ts'
import { formatContents, formatOrigin, formatTables } from '../output/show-text.ts'
import { pageOutput } from '../pager.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

export type ShowJson = ShowCommitJson | ShowSchemaJson

/** @title REVISION */
interface ShowCommitJson {
  commitId: ObjectId
  /** What points at it, as log shows it. */
  names: readonly string[]
  totals: TreeTotals
  tables: TableChange[]
  sequenceCount: number
  largeObjectCount: number
  schemaEntryCount: number
  commit: Commit
}

/**
 * One schema entry, a line.
 *
 * @title REVISION:schema
 */
type ShowSchemaJson = SchemaEntry

export const defineShow: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Shows what a commit holds: each table with its rows and bytes and how they changed against ' +
      'the parent, what else is in it, what could not be captured, and where it came from. ' +
      'REVISION:schema prints its schema as SQL.',
    examples: [
      ['snap show', 'the commit HEAD is at'],
      ['snap show HEAD~2 --tables', 'every table of that commit, and nothing else'],
      ['snap show main:schema > schema.sql', 'its schema as SQL'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.backend,
    ],
    seeAlso: ['snap log', 'snap diff', 'snap cat', 'snap help revisions'],
  })
    .argument('[revision]', 'the commit, or REVISION:schema', 'HEAD')
    .option('--tables', 'list every table and nothing else')
    .action((revision: string, options: { tables?: true }) =>
      show(context, revision, options.tables === true),
    )
}

async function show(context: Context, argument: string, onlyTables: boolean): Promise<void> {
  const revisionOfSchema = /^(.*):schema$/.exec(argument)?.[1]
  await withStore(context, async (store) => {
    await pageOutput(context)
    const id = await resolveRevision(store, revisionOfSchema ?? argument, {
      now: context.io.now(),
    })
    const commit = await store.objects.readCommit(id)
    const tree = await store.objects.readTree(commit.treeId)
    if (revisionOfSchema !== undefined) {
      await printSchema(context, store, tree)
      return
    }
    // Compared with itself, a first commit has no change to show at any table.
    const changes = compareTables((await readParentTree(store, commit)) ?? tree, tree)
    const { style } = context.output
    if (context.options.json) {
      await printJson(context, { store, id, commit, tree, changes })
    } else if (onlyTables) {
      context.output.result(...formatTables(changes, { isWhole: true, style }))
    } else {
      const names = (await readDecorations(store)).get(id) ?? []
      context.output.result(
        formatCommitLine(id, names, style.colors),
        ...formatOrigin(commit, style),
        ...formatMessage(commit),
        '',
        ...formatTables(changes, { isWhole: false, style }),
        ...formatContents(commit, tree),
      )
    }
  })
}

async function readParentTree(store: Store, commit: Commit): Promise<Tree | undefined> {
  const parentId = await findParent(store, commit)
  if (parentId === undefined) return undefined
  const parent = await store.objects.readCommit(parentId)
  return store.objects.readTree(parent.treeId)
}

async function printJson(
  { output }: Context,
  shown: { store: Store; id: ObjectId; commit: Commit; tree: Tree; changes: TableChange[] },
): Promise<void> {
  const { tree } = shown
  output.json<ShowJson>({
    commitId: shown.id,
    names: namesOf((await readDecorations(shown.store)).get(shown.id)),
    totals: totalsOf(tree),
    tables: shown.changes,
    sequenceCount: tree.sequences.rowCount,
    largeObjectCount: tree.largeObjects.metadata.rowCount,
    schemaEntryCount: tree.schema.rowCount,
    commit: shown.commit,
  })
}

async function printSchema({ options, output }: Context, store: Store, tree: Tree) {
  for (const entry of await readSchemaEntries(store.objects, tree)) {
    if (options.json) {
      await output.jsonLine<ShowJson>(entry)
    } else if (entry.definition !== null) {
      const name = [entry.namespace, entry.name].filter((part) => part !== null).join('.')
      const owner = entry.owner === null ? '' : `, owner ${printable(entry.owner)}`
      await output.resultLines(
        `-- ${entry.kind} ${printable(name)}${owner}`,
        printableLines(entry.definition.trimEnd()),
        '',
      )
    }
  }
}

import {
  type Commit,
  compareTables,
  type ObjectId,
  readSchemaEntries,
  resolveRevision,
  type Selection,
  type Store,
  type TableChange,
  type Tree,
} from '../../src/index.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { readDecorations } from '../names.ts'
import {
  formatAuthorAndDate,
  formatCommitLine,
  formatMessage,
  formatMigrations,
  formatTotals,
  totalsOf,
} from '../output/commit-text.ts'
import { printable, printableLines } from '../output/printable.ts'
import { formatTable } from '../output/text-table.ts'
import { formatChange, formatCount, formatQuantity, formatSize } from '../output/units.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

/** A longer list of tables is shortened to those that changed, unless `--tables` asks for all. */
const MAX_TABLE_LINES = 30

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
    jsonKeys: [
      'commitId',
      'names',
      'totals',
      'tables',
      'sequenceCount',
      'largeObjectCount',
      'schemaEntryCount',
      'commit',
    ],
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
    if (context.options.json) {
      await printJson(context, { store, id, commit, tree, changes })
    } else if (onlyTables) {
      context.output.result(...formatTables(changes, changes.length))
    } else {
      const names = (await readDecorations(store)).get(id) ?? []
      context.output.result(
        formatCommitLine(id, names, context.output.colors),
        ...formatOrigin(commit, context),
        ...formatMessage(commit),
        '',
        ...formatTables(changes, MAX_TABLE_LINES),
        ...formatContents(commit, tree),
      )
    }
  })
}

async function readParentTree(store: Store, commit: Commit): Promise<Tree | undefined> {
  const [parentId] = commit.parentIds
  if (parentId === undefined) return undefined
  const parent = await store.objects.readCommit(parentId)
  return store.objects.readTree(parent.treeId)
}

async function printJson(
  { output }: Context,
  shown: { store: Store; id: ObjectId; commit: Commit; tree: Tree; changes: TableChange[] },
): Promise<void> {
  const { tree } = shown
  output.json({
    commitId: shown.id,
    names: (await readDecorations(shown.store)).get(shown.id) ?? [],
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
      await output.jsonLine(entry)
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

function formatOrigin(commit: Commit, { io }: Context): string[] {
  const { database, git, tools } = commit
  const system = database.systemIdentifier === null ? '' : ` on system ${database.systemIdentifier}`
  return [
    ...commit.parentIds.map((id) => `Parent:     ${id}`),
    `Tree:       ${commit.treeId}`,
    ...formatAuthorAndDate(commit, io.now()),
    `Database:   ${printable(database.name)}${system}`,
    `Server:     PostgreSQL ${printable(database.serverVersion)}, ${printable(database.encoding)}, ` +
      `${printable(database.collate)}; read with pg_dump ${printable(tools.pgDump)}`,
    ...(database.lsn === null ? [] : [`LSN:        ${database.lsn}`]),
    ...formatMigrations(commit),
    ...(git === null || git.commit === null
      ? []
      : [`Git:        ${printable(git.branch ?? 'detached HEAD')} ${git.commit}`]),
    ...formatSelection(commit.selection),
  ]
}

function formatSelection(selection: Selection): string[] {
  const parts: [label: string, patterns: readonly string[]][] = [
    ['only tables', selection.tables],
    ['without tables', selection.excludeTables],
    ['without rows of', selection.excludeTableData],
    ['only schemas', selection.schemas],
    ['without schemas', selection.excludeSchemas],
  ]
  return parts
    .filter(([, patterns]) => patterns.length > 0)
    .map(([label, patterns]) => `Selection:  ${label} ${patterns.map(printable).join(', ')}`)
}

function formatTables(changes: readonly TableChange[], maxLines: number): string[] {
  const shown =
    changes.length <= maxLines ? changes : changes.filter(({ change }) => change !== 'unchanged')
  const rows = shown.map((table) => [
    printable(`${table.namespace}.${table.name}`),
    table.rowsAfter === null ? '' : formatCount(table.rowsAfter),
    table.change === 'unchanged' ? '' : formatChange(rowCountChange(table)),
    table.sizeBytesAfter === null ? '' : formatSize(table.sizeBytesAfter),
    CHANGE_TEXTS[table.change],
  ])
  const columns = [
    { header: 'table' },
    { header: 'rows', align: 'right' },
    { header: 'change', align: 'right' },
    { header: 'size', align: 'right' },
    { header: '' },
  ] as const
  const leftOut = changes.length - shown.length
  return [
    ...(rows.length === 0 ? [] : [...formatTable(columns, rows), '']),
    ...(leftOut === 0
      ? []
      : [`${formatQuantity(leftOut, 'unchanged table')} not listed (--tables lists all)`, '']),
  ]
}

const CHANGE_TEXTS: Readonly<Record<TableChange['change'], string>> = {
  unchanged: '',
  changed: 'changed',
  missing: 'new',
  extra: 'gone',
  dataKept: 'without its rows',
}

function rowCountChange({ rowsBefore, rowsAfter }: TableChange): number {
  return (rowsAfter ?? 0) - (rowsBefore ?? 0)
}

function formatContents(commit: Commit, tree: Tree): string[] {
  const notCaptured = commit.notCaptured.map(
    (left) => `  ${printable(left.kind)} ${printable(left.name)}: ${printable(left.reason)}`,
  )
  return [
    formatTotals(totalsOf(tree)),
    `${formatQuantity(tree.schema.rowCount, 'schema entry', 'schema entries')}, ` +
      `${formatQuantity(tree.sequences.rowCount, 'sequence')}, ` +
      formatQuantity(tree.largeObjects.metadata.rowCount, 'large object'),
    ...(notCaptured.length === 0 ? [] : ['', 'Not captured:', ...notCaptured]),
  ]
}

/**
 * Turns dumps of pg_dump, and files of rows, into commits in the order of their time.
 *
 * Each is restored into a database of its own, which is captured like any other
 * and dropped. The branch moves once, when all of them are commits: an import
 * that fails leaves objects that nothing names, and no trace otherwise.
 */
import { basename, join } from 'node:path'
import { putCommit } from '../capture/build-commit.ts'
import { captureDatabase } from '../capture/capture-database.ts'
import { completeSelection } from '../capture/selection.ts'
import { SnapError, throwIfAborted } from '../errors.ts'
import type { Reporter } from '../events.ts'
import type { Author } from '../format/ref-record.ts'
import type { Commit, ObjectId, Selection, Tree } from '../format/values.ts'
import { resolveRevision } from '../history/revisions.ts'
import { RowSpool } from '../load/row-spool.ts'
import { withStoreLock } from '../maintenance/with-store-lock.ts'
import { withScratchDirectory } from '../objects/with-scratch-directory.ts'
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import { qualifiedName } from '../postgres/quote.ts'
import { openSession } from '../postgres/session.ts'
import { branchRefName } from '../refs/ref-name.ts'
import { readSchemaEntries } from '../restore/read-schema.ts'
import { readSequences } from '../restore/set-sequences.ts'
import type { Store } from '../store.ts'
import { readDumpFile } from './dump-bytes.ts'
import { describeImported } from './imported-database.ts'
import type { Dump } from './inspect-dump.ts'
import { restoreArchive } from './restore-archive.ts'
import { restorePlain } from './restore-plain.ts'
import {
  type LoadedTable,
  type RejectedFileRow,
  restoreTables,
  type TableRestoreOptions,
} from './restore-tables.ts'
import { type Scratch, withScratchDatabase } from './scratch-database.ts'
import { findNamedTable, type TableExport } from './table-export.ts'

export interface ImportOptions extends Scratch {
  branch: string
  /** Of dumps that do not say of which database they are. */
  databaseName: string
  author: Author
  jobs?: number | undefined
  reporter?: Reporter | undefined
  now?: (() => Date) | undefined
  onImported?: ((imported: Imported) => void) | undefined
  /** For files of rows; needed where there are any. */
  tables?: TableImportOptions | undefined
}

export interface TableImportOptions
  extends Omit<TableRestoreOptions, 'keepRejected' | 'makesRoles' | 'reporter' | 'signal'> {
  /** The commit that says what the tables are: a revision. */
  schemaFrom: string
  /**
   * Called before the branch moves when rows were left out, with all of them in the order of the
   * commits. What it throws keeps everything from being imported.
   */
  onRejected?: ((rows: AsyncIterable<RejectedFileRow>) => Promise<void>) | undefined
}

export interface Imported {
  source: Dump | TableExport
  commitId: ObjectId
  commit: Commit
  tree: Tree
  storedSizeBytes: number
  /** Statements of a dump that name roles the server has not. */
  leftOut: string[]
  /** Of files of rows. */
  tables: LoadedTable[]
  rejectedCount: number
  /** The first of them, no more than a thousand. */
  rejected: RejectedFileRow[]
  uncheckedForeignKeys: string[]
}

/**
 * Imports dumps and files of rows onto a branch, oldest first; the branch is made where it is not there.
 *
 * @throws DUMP_UNREADABLE    one cannot be read or restored; the branch is where it was
 * @throws LOAD_COLUMNS_WRONG, LOAD_REJECTED, PATTERN_UNMATCHED  a file of rows does not fit its table
 * @throws REF_CONFLICT       somebody moved the branch meanwhile
 */
export function importDumps(
  store: Store,
  sources: readonly (Dump | TableExport)[],
  options: ImportOptions,
): Promise<Imported[]> {
  const { branch, author, now = () => new Date() } = options
  const refName = branchRefName(branch)
  const work = async (rejected: RowSpool<RejectedFileRow>) => {
    const expected = (await store.refs.find(refName)) ?? null
    const imported: Imported[] = []
    let parentId = expected
    const ordered = [...sources].sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
    for (const source of ordered) {
      const one = await importOne(store, source, { parentId, rejected, options })
      imported.push(one)
      parentId = one.commitId
      options.onImported?.(one)
    }
    if (imported.some(({ rejectedCount }) => rejectedCount > 0)) {
      await options.tables?.onRejected?.(rejected.read())
    }
    if (parentId !== null && parentId !== expected) {
      const reason = { kind: 'commit', message: imported.at(-1)!.commit.message } as const
      const move = { name: refName, expected, next: parentId, reason, author, at: now() }
      await store.refs.move(move)
    }
    return imported
  }
  return withStoreLock(store, { operation: 'import', mode: 'shared', at: now() }, () =>
    withScratchDirectory(async (directory) => {
      const rejected = new RowSpool<RejectedFileRow>(join(directory, 'rejected'))
      try {
        return await work(rejected)
      } finally {
        await rejected.close()
      }
    }),
  )
}

interface Restored
  extends Pick<
    Imported,
    'leftOut' | 'tables' | 'rejectedCount' | 'rejected' | 'uncheckedForeignKeys'
  > {
  databaseName: string
  selection: Selection
  /** Stands below the first line of the message. */
  origin: string | null
}

async function importOne(
  store: Store,
  source: Dump | TableExport,
  {
    parentId,
    rejected,
    options,
  }: {
    parentId: ObjectId | null
    rejected: RowSpool<RejectedFileRow>
    options: ImportOptions
  },
): Promise<Imported> {
  const { author, jobs, reporter, signal } = options
  throwIfAborted(signal, 'importing')
  return withScratchDatabase(options, async (database) => {
    const { databaseName, selection, origin, ...restored } =
      source.kind === 'dump'
        ? await restoreDump(database, source, options)
        : await restoreExport(store, database, source, { rejected, options })
    const writer = store.objects.newWriter()
    try {
      const capture = await captureDatabase(writer, {
        database,
        selection,
        isScratch: true,
        jobs,
        reporter,
        signal,
      })
      const facts = { name: databaseName, dumpedAt: source.createdAt }
      const described = { ...capture, database: describeImported(capture.database, facts) }
      const { commitId, commit } = await putCommit(writer, described, {
        parentIds: parentId === null ? [] : [parentId],
        purpose: 'user',
        message: `import ${basename(source.file)}${origin === null ? '' : `\n\n${origin}`}`,
        author,
        createdAt: source.createdAt,
        selection,
        git: null,
      })
      await writer.flush()
      const { storedSizeBytes } = writer.totals
      return { source, commitId, commit, tree: capture.tree, storedSizeBytes, ...restored }
    } finally {
      await writer.close()
    }
  })
}

async function restoreDump(
  database: DatabaseAddress,
  dump: Dump,
  { databaseName, isThrowaway, signal }: ImportOptions,
): Promise<Restored> {
  const { file, path, format, compression, contents, versions } = dump
  const session = await openSession(database, signal === undefined ? {} : { signal })
  const shared = { file, makesRoles: isThrowaway, serverVersion: versions?.server, signal }
  const leftOut: string[] = []
  try {
    if (contents !== null && format !== 'plain') {
      const archive = { path, format, compression, file }
      const currentUser = database.user
      await restoreArchive(session, archive, contents, { ...shared, currentUser })
    } else {
      leftOut.push(...(await restorePlain(session, readDumpFile(path, compression, file), shared)))
    }
  } finally {
    await session.close()
  }
  return {
    databaseName: dump.databaseName ?? databaseName,
    selection: completeSelection(undefined),
    // The commit itself tells of the server that restored it.
    origin:
      versions === null
        ? null
        : `Dumped from PostgreSQL ${versions.server} by pg_dump ${versions.pgDump}.`,
    leftOut,
    tables: [],
    rejectedCount: 0,
    rejected: [],
    uncheckedForeignKeys: [],
  }
}

/** The commit holds the tables that there are files for, and says so: nothing is known of others at that time. */
async function restoreExport(
  store: Store,
  database: DatabaseAddress,
  source: TableExport,
  { rejected, options }: { rejected: RowSpool<RejectedFileRow>; options: ImportOptions },
): Promise<Restored> {
  const { tables: wishes, isThrowaway, reporter, signal } = options
  if (wishes === undefined) throw new TypeError('files of rows need options.tables')
  const baseId = await resolveRevision(store, wishes.schemaFrom)
  const base = await store.objects.readCommit(baseId)
  const tree = await store.objects.readTree(base.treeId)
  const schema = {
    entries: await readSchemaEntries(store.objects, tree),
    sequences: await readSequences(store.objects, tree.sequences),
  }
  const candidates = schema.entries.flatMap(({ kind, namespace, name }) =>
    kind === 'TABLE' && namespace !== null ? [{ namespace, name }] : [],
  )
  const named = source.tables.map(({ table }) => findNamedTable(table, candidates))
  const unknown = source.tables.filter((_, position) => named[position] === undefined)
  if (unknown.length > 0) {
    const names = unknown.map(({ file, table }) => `'${table}' (${file})`).join(', ')
    throw new SnapError(
      'PATTERN_UNMATCHED',
      `the commit '${wishes.schemaFrom}' has no table, or several, called ${names}`,
      {
        patterns: unknown.map(({ table }) => table),
        candidates: candidates.map(({ namespace, name }) => `${namespace}.${name}`),
      },
      { hint: "say which with --table 'FILE=schema.table', or another commit with --schema-from" },
    )
  }
  const files = new Map<string, string>()
  for (const [position, { file }] of source.tables.entries()) {
    const table = qualifiedName(named[position]!)
    const other = files.get(table)
    if (other !== undefined) {
      throw new SnapError(
        'USAGE',
        `'${other}' and '${file}' are both of table ${table}`,
        { argument: file },
        { hint: 'import them apart, each with --at' },
      )
    }
    files.set(table, file)
  }
  const { relations, ...restored } = await restoreTables(
    database,
    schema,
    source,
    named.map((each) => each!),
    {
      ...wishes,
      keepRejected: (row) => rejected.add(row),
      makesRoles: isThrowaway,
      reporter,
      signal,
    },
  )
  return {
    databaseName: base.database.name,
    selection: completeSelection({ tables: relations.map(qualifiedName) }),
    origin: `Rows of ${source.tables.length} files, in tables as of ${baseId}.`,
    leftOut: [],
    ...restored,
  }
}

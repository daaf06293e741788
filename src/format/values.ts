/**
 * The values that objects hold, apart from their bytes.
 *
 * `store-format.md` is the contract for how each is written down; the files
 * beside this one encode and decode them.
 */

/** SHA-256 of an object's uncompressed bytes: 64 lower-case hex digits. */
export type ObjectId = string & { readonly brand: 'ObjectId' }

/** One piece of a row stream: COPY text, or canonical JSON lines. */
export interface ChunkRef {
  id: ObjectId
  sizeBytes: number
  /** Row ends (line feeds that end a row) inside this piece; 0 in the middle of a row that was split. */
  rowCount: number
}

/** Points at a whole row stream through the root of its hash tree. */
export interface ManifestRef {
  rootId: ObjectId
  sizeBytes: number
  rowCount: number
  chunkCount: number
}

/** One node of a manifest's hash tree; level 0 lists chunks, higher levels list nodes. */
export type ManifestNode =
  | { level: 0; chunks: ChunkRef[] }
  | { level: number; children: ManifestRef[] }

/** One table (or one extension's configuration table) in a tree. */
export interface TableEntry {
  namespace: string
  name: string
  /** Columns in COPY order; generated columns are not in it. */
  columns: string[]
  /** Set for an extension's configuration table: the extension, and the condition its rows satisfy. */
  extension: { name: string; condition: string } | null
  /** `null` when the selection left this table's rows out. */
  rows: ManifestRef | null
}

export interface MaterializedViewEntry {
  namespace: string
  name: string
  isPopulated: boolean
}

/**
 * One whole state of a database. Equal states have equal trees: nothing in it
 * depends on OIDs, on when it was read, or on how many connections read it.
 */
export interface Tree {
  /** Canonical JSON lines of `SchemaEntry`, in the order in which they can be created. */
  schema: ManifestRef
  /** Sorted by namespace, then name, in code unit order. */
  tables: TableEntry[]
  materializedViews: MaterializedViewEntry[]
  /** Canonical JSON lines of `SequenceState`, sorted. */
  sequences: ManifestRef
  largeObjects: {
    /** Canonical JSON lines of `LargeObjectEntry`, by OID. */
    metadata: ManifestRef
    /** COPY text of (oid, page number, bytea in hex), by OID and page. */
    pages: ManifestRef
  }
}

/** One `pg_dump` TOC entry, less everything that differs between equal schemas. */
export interface SchemaEntry {
  /** `TABLE`, `FK CONSTRAINT`, `ACL`, …: pg_dump's own word. */
  kind: string
  namespace: string | null
  /** pg_dump's tag: `users`, `users users_pkey`, `add(integer, integer)`. */
  name: string
  owner: string | null
  section: 'none' | 'preData' | 'data' | 'postData'
  /** The DDL; null where pg_dump writes none. */
  definition: string | null
  /** The statement that drops it; null where it has none of its own. */
  dropStatement: string | null
  tableAccessMethod: string | null
  tablespace: string | null
}

export interface SequenceState {
  namespace: string
  name: string
  /** Decimal digits; a bigint does not fit a JSON number. */
  lastValue: string
  isCalled: boolean
}

export interface LargeObjectEntry {
  oid: number
  owner: string
  /** `aclitem[]` as text, or null for the default. */
  acl: string | null
  comment: string | null
}

/** What a selection left to pg_dump's patterns; empty lists mean everything. */
export interface Selection {
  tables: string[]
  excludeTables: string[]
  excludeTableData: string[]
  schemas: string[]
  excludeSchemas: string[]
}

export interface MigrationHead {
  /** `alembic`, `prisma`, `django`, …. */
  tool: string
  /** Qualified name of the table it was read from. */
  table: string
  /** The newest applied revision(s), oldest first. */
  heads: string[]
}

/** Something the database has and the commit does not hold, with the reason. */
export interface NotCaptured {
  kind: string
  name: string
  reason: string
}

export interface Commit {
  treeId: ObjectId
  parentIds: ObjectId[]
  /** Why it was made: by a person, before a checkout, or by a guard. */
  purpose: 'user' | 'safety' | 'guard'
  message: string
  author: { name: string; email: string }
  /** ISO 8601 with milliseconds, UTC. */
  createdAt: string
  database: {
    name: string
    /** Of the database in its cluster; absent in commits of version 1. */
    oid?: number
    /** Decimal digits, or null where the role may not read it. */
    systemIdentifier: string | null
    /** `server_version`, for people. */
    serverVersion: string
    /** `server_version_num`: 180004. */
    serverVersionNumber: number
    encoding: string
    collate: string
    ctype: string
    /** `X/Y` hex notation; null where it cannot be read. */
    lsn: string | null
    /** When the exported snapshot was taken: ISO 8601 with milliseconds, UTC, the server's clock. */
    snapshotAt: string
  }
  tools: { snap: string; pgDump: string }
  selection: Selection
  /** Canonical JSON lines of `CatalogFact`: hints for planning, not part of the state. */
  catalog: ManifestRef
  notCaptured: NotCaptured[]
  migrations: MigrationHead[]
  git: { branch: string | null; commit: string } | null
  /** Other datastores, ascending by name; absent where there are none, and in commits before version 3. */
  sources?: CommittedSource[]
  /** Absent where the server could not tell, and in commits before version 4. */
  walBase?: WalBase
}

/**
 * From where on a server's write-ahead log says what has changed since a commit; of use only while
 * that same server process runs.
 */
export interface WalBase {
  /** ISO 8601 with microseconds, UTC, the server's clock. */
  serverStartedAt: string
  /** `X/Y`: whoever had logged anything before it was over at the snapshot. */
  settledLsn: string
  /** Canonical JSON lines of `TableState`, for tables whose later changes the log tells. */
  tables: ManifestRef
  /** Canonical JSON lines of `TableRanges`; absent where no table is that large, and in commits before version 5. */
  ranges?: ManifestRef
}

/** What one table's rows were read from, and under which definitions. */
export interface TableState {
  namespace: string
  name: string
  /** 64 hex digits; equal where the same files hold the rows and the same definitions print them. */
  stateId: string
}

/** How much COPY text ranges of a table's blocks gave; a table of many has several of these, ascending. */
export interface TableRanges {
  namespace: string
  name: string
  /** Blocks of each range; to the last one of the table belongs all that follows, too. */
  blockCount: number
  /** Position of the first of these among the ranges of the table, from 0 on. */
  firstRange: number
  /** One for each range; over the whole table they add up to the size of its rows. */
  sizesBytes: number[]
}

/** Another datastore's state in a commit, and when it was read. */
export type CommittedSource = CommittedFiles | CommittedOutput

interface SourceMoment {
  /** As the configuration names it. */
  name: string
  /** By our own clock: reading began and ended; ISO 8601 with milliseconds, UTC. */
  startedAt: string
  endedAt: string
}

/** The files below one directory that patterns chose. */
export interface CommittedFiles extends SourceMoment {
  kind: 'files'
  /** As configured, relative to the configuration's directory. */
  root: string
  patterns: string[]
  exclude: string[]
  /** Canonical JSON lines of `FileEntry`, ascending by the bytes of the path. */
  entries: ManifestRef
  /** The contents of all files, one after the other, in the order of the entries. */
  contents: ManifestRef
}

/** What a dump command wrote to its stdout. */
export interface CommittedOutput extends SourceMoment {
  kind: 'command'
  output: ManifestRef
}

/** One file, directory or symbolic link. */
export type FileEntry =
  | {
      kind: 'file'
      /** Below the root, with `/`, as `formatFileName` writes it; likewise below. */
      path: string
      /** Permission bits, set-id bits and the sticky bit. */
      mode: number
      /** Microseconds since 1970. */
      modifiedAtUs: number
      sizeBytes: number
      /** SHA-256 of the contents. */
      contentId: ObjectId
    }
  | { kind: 'directory'; path: string; mode: number; modifiedAtUs: number }
  | { kind: 'symlink'; path: string; target: string }

/** What the catalog knew of one schema entry when it was captured; OIDs are hints only. */
export interface CatalogFact {
  /** Position of the entry in the tree's schema stream, 0-based. */
  entry: number
  classOid: number
  oid: number
  /** Positions of the entries it depends on, ascending. */
  dependsOn: number[]
  /**
   * Of a table, foreign table, materialized view or composite type: its columns' names by
   * attribute number, from 1 on, null where a column was dropped. Absent for others, and in
   * commits of version 1.
   */
  columns?: Array<string | null>
}

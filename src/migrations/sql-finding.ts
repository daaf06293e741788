/** Where SQL would take data away. Codes are stable; scripts may rely on them. */
export type SqlFindingCode =
  | 'DROP_TABLE'
  | 'DROP_COLUMN'
  | 'DROP_ATTRIBUTE'
  | 'DROP_SCHEMA'
  | 'DROP_DATABASE'
  | 'DROP_OWNED'
  | 'DROP_TYPE'
  | 'DROP_EXTENSION'
  | 'DROP_SEQUENCE'
  | 'DROP_FUNCTION'
  | 'DROP_CONSTRAINT'
  | 'DETACH_PARTITION'
  | 'SET_UNLOGGED'
  | 'TRUNCATE'
  | 'DELETE_ALL'
  | 'UPDATE_ALL'
  | 'MERGE_DELETE'
  | 'UNLINK_LARGE_OBJECT'
  | 'TYPE_NARROWED'
  | 'TYPE_MAY_NARROW'
  | 'DYNAMIC_SQL'
  | 'BODY_UNREADABLE'
  | 'FILE_INCLUDED'
  | 'DATABASE_CHANGED'
  | 'SHELL_COMMAND'
  | 'SQL_UNREADABLE'

/** `loss`: data would go. `doubt`: it may, which cannot be told from here. `note`: none does, and it is worth knowing. */
export type SqlSeverity = 'loss' | 'doubt' | 'note'

/** One place in a file, with what it would do. */
export interface SqlFinding {
  file: string
  /** 1-based, in characters as editors count them. */
  line: number
  column: number
  code: SqlFindingCode
  severity: SqlSeverity
  /** What it does it to: `public.users`, `users.email`; null where there is no such thing. */
  object: string | null
  /** How many rows the table it takes them from is known to hold. */
  rowCount: number | null
  /** For people: what would be lost. */
  message: string
  /** The statement on one line, cut when long. */
  statement: string
}

/** A finding before it is known where in the file it stands. */
export interface Hazard {
  code: SqlFindingCode
  severity: SqlSeverity
  object: string | null
  rowCount: number | null
  message: string
  /** Bytes of UTF-8 from the beginning of the statement; undefined for the statement as a whole. */
  locationBytes: number | undefined
}

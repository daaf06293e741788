/**
 * Another datastore that commits hold beside PostgreSQL, as it is configured
 * here and now. What a commit holds of one is a `CommittedSource`.
 */
export type Source = FilesSource | CommandSource

/** Files below one directory. */
export interface FilesSource {
  kind: 'files'
  name: string
  /** Absolute; may be a symbolic link to the directory. */
  rootPath: string
  /** As configured. */
  root: string
  /** Of fast-glob, relative to the root. A leading dot is nothing special to them. */
  patterns: readonly string[]
  exclude: readonly string[]
  /** Absolute path of the store, which is never a part of what it holds; null when it is no directory. */
  storePath: string | null
}

/** Whatever a dump command writes and a restore command reads. */
export interface CommandSource {
  kind: 'command'
  name: string
  dump: CommandLine
  /** Null: it can be committed and compared, and is left alone by a checkout. */
  restore: CommandLine | null
  workingDirectory: string
  environment: Readonly<Record<string, string | undefined>>
  timeoutMs: number
}

/** A program and its arguments, or a line for `/bin/sh`. */
export type CommandLine = readonly [program: string, ...argv: string[]] | string

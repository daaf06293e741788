/**
 * What `snap.config.json` says, and what holds where it says nothing.
 */
import { DEFAULT_RULES, type Rules } from '../alarms/rules.ts'

/** Stands in the directory that holds the store. */
export const CONFIG_FILE_NAME = 'snap.config.json'

export interface Config {
  /**
   * Which database, when neither options, variables nor `.env` say: a place in the project's files
   * (`compose.yaml#db`), or an address without a password.
   */
  database: string | null
  rules: Rules
  /** Glob patterns of migration files, relative to the configuration file's directory. */
  migrations: string[]
  migrate: MigrateConfig
  /** Databases that want their name typed before they are changed. */
  protected: ProtectedPattern[]
  /** Databases that look like production and are none. */
  unprotected: ProtectedPattern[]
  /** Other datastores that commits hold. */
  sources: SourceSettings[]
  /** Whether commands say what to do next. */
  hints: boolean
  /** What `snap NAME` stands for, by name: the command line after `snap`, as it would be typed. */
  alias: Readonly<Record<string, string>>
}

/** What `snap migrate` applies, and where it keeps its books. */
export interface MigrateConfig {
  /** Holds the files; relative to the configuration file's directory. */
  directory: string
  /** Of the history table. */
  schema: string
  table: string
}
/** Another datastore: files below a directory, or what a dump command writes. */
export type SourceSettings =
  | {
      kind: 'files'
      name: string
      /** Relative to the configuration file's directory, or absolute. */
      root: string
      /** Of fast-glob, relative to the root. */
      patterns: string[]
      exclude: string[]
    }
  | {
      kind: 'command'
      name: string
      dump: CommandSetting
      /** Null: a checkout leaves it alone. */
      restore: CommandSetting | null
      /** As `root`. */
      directory: string
      /** Added to the program's own. */
      environment: Record<string, string>
      timeoutSeconds: number
    }

/** A program and its arguments, or a line for the shell. */
export type CommandSetting = [program: string, ...argv: string[]] | string

/** A database is meant when all that is given here matches; `*` stands for any characters. */
export interface ProtectedPattern {
  host: string | null
  database: string | null
  /** Matched against `user@host:port/database`. */
  address: string | null
}

export const DEFAULT_CONFIG: Config = {
  database: null,
  rules: DEFAULT_RULES,
  migrations: [],
  migrate: { directory: 'migrations', schema: 'public', table: 'snap_migrations' },
  protected: [],
  unprotected: [],
  sources: [],
  hints: true,
  alias: {},
}

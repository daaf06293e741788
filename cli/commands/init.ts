import { basename, join, resolve } from 'node:path'
import {
  type DatabaseAddress,
  type DatabaseSummary,
  describeAddress,
  initStore,
  inspectDatabase,
  isSnapError,
  type SnapError,
  STORE_DIRECTORY_NAME,
} from '../../src/index.ts'
import { findAuthor } from '../author.ts'
import { askYesOrNo, canAsk } from '../confirm.ts'
import type { Context } from '../context.ts'
import { findDatabase } from '../database.ts'
import { ExitCode } from '../exit-codes.ts'
import { addToGitIgnore, readGitIgnoreState } from '../git-ignore.ts'
import type { ErrorJson } from '../output/error-text.ts'
import { printable } from '../output/printable.ts'
import { formatQuantity, formatSize } from '../output/units.ts'
import { createBackend, namedStoreDirectory } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

export interface InitJson {
  /** Of the store. */
  location: string
  database: DatabaseSummary | null
  /** Why there is nothing to say of the database. */
  problem: Pick<ErrorJson, 'code' | 'message' | 'hint' | 'data'> | null
  gitignore: GitIgnoreOutcome
}

export const defineInit: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Makes an empty store, .snap/, in the directory and says which database its commits will ' +
      'hold. A database that cannot be found or reached yet is a warning, not a failure. ' +
      'In a git work tree it offers to have git ignore the store.',
    examples: [
      ['snap init', 'make .snap/ here, for the database that DATABASE_URL or .env names'],
      ['snap init --database postgres://localhost/shop', 'for this database'],
      ['snap init --gitignore ~/src/shop', "there, and add it to that directory's .gitignore"],
    ],
    exitCodes: [ExitCode.done, ExitCode.usage, ExitCode.refused, ExitCode.backend],
    seeAlso: ['snap doctor', 'snap commit', 'snap help environment', 'snap help permissions'],
  })
    .argument('[directory]', 'where to make it', '.')
    .option('--gitignore', 'add the store to .gitignore without asking')
    .option('--no-gitignore', 'leave .gitignore alone without asking')
    .action((directory: string, options: { gitignore?: boolean }) =>
      init(context, directory, options.gitignore),
    )
}

async function init(
  context: Context,
  directory: string,
  wantsGitIgnore: boolean | undefined,
): Promise<void> {
  const { io, output } = context
  const projectDirectory = resolve(io.workingDirectory, directory)
  // First, because a mistyped --database should leave nothing behind.
  const address = await findDatabaseIfNamed(context, projectDirectory)

  const storeDirectory =
    namedStoreDirectory(context) ?? join(projectDirectory, STORE_DIRECTORY_NAME)
  const store = await initStore(await createBackend(context, storeDirectory), {
    author: await findAuthor(io),
    at: io.now(),
  })
  await store.close()
  context.interruptedState = `the store '${storeDirectory}' was made and is empty`

  const inspection = await inspect(context, address)
  if (!context.options.json) {
    output.result(`Initialized empty store in ${printable(storeDirectory)}`)
    if (inspection.summary !== null) output.result(...describeSummary(inspection.summary))
    if (inspection.problem !== null) output.note(...describeProblem(inspection.problem))
  }
  const gitignore = await settleGitIgnore(context, storeDirectory, wantsGitIgnore)
  if (context.options.json) {
    output.json<InitJson>({
      location: storeDirectory,
      database: inspection.summary,
      problem: inspection.problem && problemAsJson(inspection.problem),
      gitignore,
    })
  }
}

async function findDatabaseIfNamed(
  context: Context,
  projectDirectory: string,
): Promise<DatabaseAddress | SnapError> {
  try {
    return await findDatabase(context, projectDirectory)
  } catch (error) {
    if (isSnapError(error, 'DATABASE_ADDRESS_MISSING')) return error
    throw error
  }
}

interface Inspection {
  summary: DatabaseSummary | null
  /** Why there is no summary. */
  problem: SnapError | null
}

async function inspect(
  context: Context,
  address: DatabaseAddress | SnapError,
): Promise<Inspection> {
  if (isSnapError(address)) return { summary: null, problem: address }
  context.output.note(`Looking at ${printable(describeAddress(address))} …`)
  try {
    const summary = await inspectDatabase(address, { signal: context.io.signal })
    return { summary, problem: null }
  } catch (error) {
    if (!isSnapError(error) || isSnapError(error, 'ABORTED')) throw error
    return { summary: null, problem: error }
  }
}

function describeSummary(summary: DatabaseSummary): string[] {
  const rows = formatQuantity(summary.estimatedRowCount, 'row')
  return [
    `Database: ${printable(summary.address)} (PostgreSQL ${printable(summary.serverVersion)})`,
    'Commits will hold everything in it: ' +
      `${formatQuantity(summary.tableCount, 'table')}, about ${rows}, ` +
      `${formatSize(summary.sizeBytes)} on the server`,
    ...(summary.unreadableTables.length === 0
      ? []
      : [
          `${printable(summary.role)} may not read ${formatQuantity(summary.unreadableTables.length, 'table')}, ` +
            `and a commit will refuse: ${summary.unreadableTables.map(printable).join(', ')}`,
        ]),
  ]
}

function describeProblem(problem: SnapError): string[] {
  const lines = [`warning: ${printable(problem.message)}`]
  if (problem.hint !== undefined) lines.push(`hint: ${printable(problem.hint)}`)
  return lines
}

function problemAsJson({ code, message, hint, data }: SnapError) {
  return { code, message, hint: hint ?? null, data }
}

type GitIgnoreOutcome = 'noWorkTree' | 'alreadyIgnored' | 'added' | 'leftAlone'

async function settleGitIgnore(
  context: Context,
  storeDirectory: string,
  wanted: boolean | undefined,
): Promise<GitIgnoreOutcome> {
  const state = await readGitIgnoreState(storeDirectory, context.io)
  if (state === 'noWorkTree') return 'noWorkTree'
  if (state === 'ignored') return 'alreadyIgnored'

  const line = `${basename(storeDirectory)}/`
  const isWanted =
    wanted ?? (canAsk(context) && (await askYesOrNo(context, `Add ${line} to .gitignore?`)))
  if (isWanted) {
    await addToGitIgnore(storeDirectory)
    context.output.note(`Added ${line} to .gitignore`)
    return 'added'
  }
  if (wanted === undefined) {
    context.output.note(`hint: add ${line} to .gitignore, so that git does not pick it up`)
  }
  return 'leftAlone'
}

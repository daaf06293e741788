import { basename, dirname, join, resolve } from 'node:path'
import {
  CONFIG_FILE_NAME,
  type CommitEstimate,
  type DatabaseAddress,
  type DatabaseSummary,
  type Diagnosis,
  describeAddress,
  estimateFirstCommit,
  findNearAddresses,
  type GrantPlan,
  initStore,
  inspectDatabase,
  isSnapError,
  judgeServer,
  type NearAddress,
  planGrants,
  readServerFacts,
  type SnapError,
  STORE_DIRECTORY_NAME,
  type Store,
  setSetting,
} from '../../src/index.ts'
import { findAuthor } from '../author.ts'
import { editConfigFile } from '../config-file.ts'
import { askToChoose, askYesOrNo, canAsk } from '../confirm.ts'
import type { Context } from '../context.ts'
import { findDatabase } from '../database.ts'
import { ExitCode } from '../exit-codes.ts'
import { addToGitIgnore, readGitIgnoreState } from '../git-ignore.ts'
import type { ErrorJson } from '../output/error-text.ts'
import { formatGrants, formatNear, formatProblem, formatSummary } from '../output/init-text.ts'
import { printable } from '../output/printable.ts'
import { createBackend, namedStoreDirectory } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

export interface InitJson {
  /** Of the store. */
  location: string
  database: DatabaseSummary | null
  /** Why there is nothing to say of the database. */
  problem: Pick<ErrorJson, 'code' | 'message' | 'hint' | 'data'> | null
  /** What a commit would be refused for, and the SQL that puts it right. */
  grants: GrantPlan[]
  /** What is not in commits, and why. */
  leftOut: Pick<Diagnosis, 'code' | 'finding'>[]
  /** What the first commit will take; null where nothing can be told. */
  estimate: CommitEstimate | null
  /** Where no database is named: those that could be meant. */
  near: NearAddress[]
  gitignore: GitIgnoreOutcome
}

export const defineInit: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Makes an empty store, .snap/, in the directory and says which database its commits will ' +
      'hold: what is in it, what the first commit will take, and what the role may not read, with ' +
      'the GRANT statements that put it right. A database that cannot be found or reached yet is a ' +
      'warning, not a failure. The database is the one that --database, DATABASE_URL, .env or the ' +
      'PG* variables name, else the one that files of the project name for development: other .env ' +
      'files, compose.yaml, prisma/schema.prisma, config/database.yml, alembic.ini. Where these name ' +
      'several, init asks, and notes the answer as "database" in snap.config.json. ' +
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
  const storeDirectory =
    namedStoreDirectory(context) ?? join(projectDirectory, STORE_DIRECTORY_NAME)
  // Where later commands will look, too: what is configured stands beside the store.
  const configDirectory = dirname(storeDirectory)
  // First, because a mistyped --database should leave nothing behind.
  const found = await findDatabaseIfNamed(context, configDirectory)

  const store = await initStore(await createBackend(context, storeDirectory), {
    author: await findAuthor(io),
    at: io.now(),
  })
  context.interruptedState = `the store '${storeDirectory}' was made and is empty`

  const near = isSnapError(found, 'DATABASE_ADDRESS_MISSING') ? await findNear(context) : []
  if (!context.options.json) {
    output.result(`Initialized empty store in ${printable(storeDirectory)}`)
  }
  const address = isSnapError(found) ? await chooseDatabase(context, store, found, near) : found
  await store.close()
  const inspection = await inspect(context, address)
  if (!context.options.json) report(context, inspection, near)
  const gitignore = await settleGitIgnore(context, storeDirectory, wantsGitIgnore)
  if (context.options.json) {
    const { summary, grants, leftOut, estimate, problem } = inspection
    output.json<InitJson>({
      location: storeDirectory,
      database: summary,
      grants,
      leftOut: leftOut.map(({ code, finding }) => ({ code, finding })),
      estimate,
      problem: problem && problemAsJson(problem),
      near,
      gitignore,
    })
  } else if (inspection.summary !== null && inspection.grants.length === 0) {
    output.note('', 'Next:  snap commit -m first')
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
    if (isSnapError(error, 'DATABASE_ADDRESS_AMBIGUOUS')) return error
    throw error
  }
}

function findNear({ io }: Context): Promise<NearAddress[]> {
  const { environment, homeDirectory, userName, signal } = io
  return findNearAddresses({ environment, homeDirectory, userName, signal })
}

/** Asks which of several, or of those near, is meant, and writes it down for later commands. */
async function chooseDatabase(
  context: Context,
  store: Store,
  unnamed: SnapError,
  near: readonly NearAddress[],
): Promise<DatabaseAddress | SnapError> {
  const candidates = isSnapError(unnamed, 'DATABASE_ADDRESS_AMBIGUOUS')
    ? unnamed.data.candidates
    : near.map(({ address, foundIn }) => ({ place: address, address: `${address} (${foundIn})` }))
  if (candidates.length === 0 || !canAsk(context)) return unnamed
  const choices = candidates.map(({ place, address }) => ({
    label: printable(address),
    hint: printable(place),
  }))
  const chosen = await askToChoose(context, 'Which database is to be committed?', choices)
  if (chosen === null) return unnamed
  const { place } = candidates[chosen]!
  const { directory } = await editConfigFile(
    store,
    context,
    (text, { label }) => setSetting(text, { path: ['database'], typed: place }, label).text,
  )
  context.output.note(`Noted in ${CONFIG_FILE_NAME}: ${printable(place)}`)
  return findDatabase(context, directory)
}

interface Inspection {
  summary: DatabaseSummary | null
  /** What a commit would be refused for. */
  grants: GrantPlan[]
  leftOut: Diagnosis[]
  /** Null where nothing can be told. */
  estimate: CommitEstimate | null
  /** Why there is no summary. */
  problem: SnapError | null
}

async function inspect(
  context: Context,
  address: DatabaseAddress | SnapError,
): Promise<Inspection> {
  const nothing = { summary: null, grants: [], leftOut: [], estimate: null }
  if (isSnapError(address)) return { ...nothing, problem: address }
  const { signal } = context.io
  context.output.note(`Looking at ${printable(describeAddress(address))} …`)
  try {
    const summary = await inspectDatabase(address, { signal })
    const facts = await readServerFacts(address, { signal })
    const leftOut = judgeServer(facts).filter(({ code }) => CODES_OF_WHAT_IS_LEFT_OUT.has(code))
    const estimate = await estimateFirstCommit(address, { signal }).catch(unlessAborted)
    return { summary, grants: planGrants(facts), leftOut, estimate, problem: null }
  } catch (error) {
    unlessAborted(error)
    return { ...nothing, problem: error as SnapError }
  }
}

/** Among what the doctor says. */
const CODES_OF_WHAT_IS_LEFT_OUT = new Set(['foreignTables', 'extensionTables'])

/** A database that cannot be looked at is something to tell; an interruption or a bug is not. */
function unlessAborted(error: unknown): null {
  if (!isSnapError(error) || isSnapError(error, 'ABORTED')) throw error
  return null
}

function report(
  { output }: Context,
  { summary, grants, leftOut, estimate, problem }: Inspection,
  near: readonly NearAddress[],
): void {
  if (summary !== null) {
    output.result(
      ...formatSummary(summary, leftOut, estimate),
      ...formatGrants(grants, summary.role),
    )
  }
  if (problem === null) return
  output.note(...formatProblem(problem))
  if (isSnapError(problem, 'DATABASE_ADDRESS_MISSING')) {
    output.note(...formatNear(near), ...HOW_TO_NAME_ONE)
  }
}

const HOW_TO_NAME_ONE = [
  'Looked for it in variables, .env files, compose.yaml, prisma/schema.prisma, config/database.yml, alembic.ini',
  '',
  "Next:  echo 'DATABASE_URL=postgresql://user:password@localhost:5432/name' >> .env",
  '       snap doctor            whether that one can be committed',
  '       snap commit -m first',
]

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

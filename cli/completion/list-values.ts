/**
 * What is in the store, and in the configuration, that a word on the command line may name.
 */
import {
  BRANCH_PREFIX,
  branchRefName,
  HEAD,
  MIGRATION_REVISION_PREFIX,
  type ObjectId,
  readHead,
  resolveRevision,
  type Store,
  shortId,
  shortRefName,
  TAG_PREFIX,
  tagRefName,
  walkCommits,
} from '../../src/index.ts'
import { ALL_COMMANDS } from '../commands/all-commands.ts'
import type { Context } from '../context.ts'
import { HELP_TOPICS } from '../help-topics.ts'
import { titleOf } from '../output/commit-text.ts'
import { formatOperationCommand } from '../output/operation-text.ts'
import { formatQuantity } from '../output/units.ts'
import { withStore } from '../store.ts'
import { type Answer, type Candidate, NOTHING, words } from './answer.ts'
import { listConfigKeys, listConfigValues } from './list-config.ts'
import type { ValueKind } from './value-kinds.ts'

export interface Typing {
  typed: string
  /** The arguments before it. */
  given: readonly string[]
  context: Context
}

/** How many are listed of what there may be thousands. */
const MAX_RECENT = 20
/** How far back the beginning of an id, or a migration, is looked for. */
const MAX_SEARCHED = 300

export async function listValues(
  kind: Exclude<ValueKind, 'file' | 'directory' | 'other'>,
  typing: Typing,
): Promise<Answer> {
  const { context, given, typed } = typing
  if (kind === 'helpTopic') {
    const all = [...ALL_COMMANDS, ...HELP_TOPICS]
    return words(all.map(({ name, summary }) => ({ value: name, description: summary })))
  }
  if (kind === 'configValue')
    return words(listConfigValues(given[0] === 'set' ? given[1] : undefined))
  return withStore(context, async (store) => {
    switch (kind) {
      case 'configKey':
        return listConfigKeys(await configTextOf(store, context), typed)
      case 'branch':
        return words(await listRefs(store, BRANCH_PREFIX))
      case 'tag':
        return words(await listRefs(store, TAG_PREFIX))
      case 'ref':
        return words(await listNames(store))
      case 'operation':
        return words(await listOperations(store))
      case 'migration':
        return words(await listMigrations(store))
      case 'table':
        return words(await listTables(store, HEAD, typed))
      case 'revision':
        return listRevisions(store, typing)
      case 'revisionOrSchema':
        return listSchemas(store, typing)
      case 'revisionAndTable':
        return listTablesOfRevision(store, typing)
    }
  })
}

async function configTextOf(store: Store, context: Context): Promise<string> {
  const { readConfigText } = await import('../config-file.ts')
  return (await readConfigText(store.backend.location, context)).text ?? ''
}

async function listRefs(store: Store, prefix: string): Promise<Candidate[]> {
  const found: Candidate[] = []
  for await (const ref of store.refs.list(prefix)) {
    found.push({ value: shortRefName(ref.name), description: await titleOfCommit(store, ref.id) })
  }
  return found
}

async function titleOfCommit(store: Store, id: ObjectId): Promise<string> {
  return titleOf(await store.objects.readCommit(id))
}

/** HEAD, branches and tags. */
async function listNames(store: Store): Promise<Candidate[]> {
  const { id, targetRef } = await readHead(store.refs)
  const where = targetRef === null ? '' : `on ${shortRefName(targetRef)}`
  const head =
    id === null ? [] : [{ value: HEAD, description: where || (await titleOfCommit(store, id)) }]
  const branches = await listRefs(store, BRANCH_PREFIX)
  const tags = await listRefs(store, TAG_PREFIX)
  return [...head, ...branches, ...tags]
}

async function listRevisions(store: Store, { typed, context }: Typing): Promise<Answer> {
  const [, logged] = /^(.*)@\{/s.exec(typed) ?? []
  if (logged !== undefined) return words(await listLogPlaces(store, logged))
  if (typed.startsWith(MIGRATION_REVISION_PREFIX)) {
    const found = await listMigrations(store)
    return words(found.map((each) => ({ ...each, value: MIGRATION_REVISION_PREFIX + each.value })))
  }
  const [, base] = /^(.+)~\d*$/s.exec(typed) ?? []
  if (base !== undefined) return words(await listAncestors(store, base, context.io.now()))
  return words([...(await listNames(store)), ...(await listRecent(store, typed))])
}

async function listLogPlaces(store: Store, base: string): Promise<Candidate[]> {
  const names = base === '' ? [(await readHead(store.refs)).targetRef ?? HEAD] : refNamesOf(base)
  for (const name of names) {
    const found: Candidate[] = []
    for await (const record of store.refs.log(name)) {
      found.push({ value: `${base}@{${found.length}}`, description: record.reason.message })
      if (found.length === MAX_RECENT) break
    }
    if (found.length > 0) return found
  }
  return []
}

function refNamesOf(base: string): string[] {
  if (base === HEAD || base.startsWith('refs/')) return [base]
  return [tagRefName(base), branchRefName(base)]
}

async function listAncestors(store: Store, base: string, now: Date): Promise<Candidate[]> {
  const found: Candidate[] = []
  while (found.length < MAX_RECENT) {
    const value = `${base}~${found.length + 1}`
    try {
      const id = await resolveRevision(store, value, { now })
      found.push({ value, description: await titleOfCommit(store, id) })
    } catch {
      // The first commit has no parent, and what was pruned is not there.
      break
    }
  }
  return found
}

/** The newest commits by the beginning of their ids; further back where that is typed. */
async function listRecent(store: Store, typed: string): Promise<Candidate[]> {
  const isId = /^[0-9a-f]{1,64}$/.test(typed)
  const { id } = await readHead(store.refs)
  if (id === null || (typed !== '' && !isId)) return []
  const found: Candidate[] = []
  let searchedCount = 0
  for await (const { id: commitId, commit } of walkCommits(store, [id])) {
    if (commitId.startsWith(typed)) {
      const value = typed.length > shortId(commitId).length ? commitId : shortId(commitId)
      found.push({ value, description: titleOf(commit) })
    }
    searchedCount += 1
    if (found.length === MAX_RECENT || searchedCount === MAX_SEARCHED) break
  }
  return found
}

async function listMigrations(store: Store): Promise<Candidate[]> {
  const { id } = await readHead(store.refs)
  if (id === null) return []
  const found = new Map<string, string>()
  let searchedCount = 0
  for await (const { commit } of walkCommits(store, [id])) {
    for (const { tool, heads } of commit.migrations) {
      for (const head of heads) if (!found.has(head)) found.set(head, `${tool}: ${titleOf(commit)}`)
    }
    searchedCount += 1
    if (searchedCount === MAX_SEARCHED) break
  }
  return [...found].map(([value, description]) => ({ value, description }))
}

async function listOperations(store: Store): Promise<Candidate[]> {
  const found: Candidate[] = []
  for await (const operation of store.operations.list()) {
    found.push({ value: String(operation.number), description: formatOperationCommand(operation) })
    if (found.length === MAX_RECENT) break
  }
  return found
}

async function listSchemas(store: Store, typing: Typing): Promise<Answer> {
  const [, revision] = /^(.+):[a-z]*$/s.exec(typing.typed) ?? []
  if (revision === undefined || `${revision}:` === MIGRATION_REVISION_PREFIX) {
    return listRevisions(store, typing)
  }
  return words([{ value: `${revision}:schema`, description: 'its schema as SQL' }])
}

async function listTablesOfRevision(store: Store, typing: Typing): Promise<Answer> {
  const [, revision, table] = /^(.+?):(.*)$/s.exec(typing.typed) ?? []
  if (revision === undefined || `${revision}:` === MIGRATION_REVISION_PREFIX) {
    const { candidates } = await listRevisions(store, typing)
    return words(
      candidates.map(({ value, description }) => ({ value: `${value}:`, description })),
      true,
    )
  }
  const tables = await listTables(store, revision, table!)
  return words(tables.map((each) => ({ ...each, value: `${revision}:${each.value}` })))
}

/** By their names alone where that is enough, and by schema and name once a dot is typed. */
async function listTables(store: Store, revision: string, typed: string): Promise<Candidate[]> {
  const id = await resolveRevision(store, revision).catch(() => undefined)
  if (id === undefined) return NOTHING.candidates
  const { tables } = await store.objects.readTree((await store.objects.readCommit(id)).treeId)
  return tables.map(({ namespace, name, rows }) => {
    const isBare =
      namespace === 'public' && !typed.includes('.') && !'public.'.startsWith(typed || '-')
    const value = isBare ? quote(name) : `${quote(namespace)}.${quote(name)}`
    return { value, description: rows === null ? '' : formatQuantity(rows.rowCount, 'row') }
  })
}

/** As SQL and the patterns of psql want names that are not plain. */
function quote(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

import { SnapError } from '../errors.ts'
import type { ObjectId } from '../format/values.ts'
import { readHead } from '../refs/head.ts'
import { BRANCH_PREFIX, TAG_PREFIX } from '../refs/ref-name.ts'
import type { RefStore } from '../refs/ref-store.ts'
import { type HistorySource, walkCommits } from './walk-commits.ts'

/** A shorter text must be the whole of a head: version 1 is not the beginning of version 12. */
const MIN_PREFIX_CHARACTERS = 4

/** How many candidates a hint names; `data` has all. */
const MAX_HINTED = 5

/**
 * Finds the newest commit whose database was at a migration.
 *
 * Looks through everything that HEAD, a branch or a tag leads back to, and not at safety commits:
 * they keep what somebody wanted to be rid of. A head that is written out goes before one that
 * only begins so.
 *
 * @param wanted  a head as `snap log` shows it, or four or more of its first characters; `TOOL:` may stand before it
 * @throws REVISION_UNKNOWN    no commit was at such a migration
 * @throws REVISION_AMBIGUOUS  several migrations are meant; `data.candidates` has each as `TOOL:HEAD`
 */
export async function findCommitByMigration(
  store: HistorySource & { refs: RefStore },
  wanted: string,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<ObjectId> {
  const newestByName = new Map<string, { commitId: ObjectId; isWhole: boolean }>()
  const tools = new Set<string>()
  for await (const { id, commit } of walkCommits(store, await findStartIds(store), options)) {
    for (const { tool, heads } of commit.migrations) {
      tools.add(tool)
      for (const head of heads) {
        const name = `${tool}:${head}`
        const match = matchHead(wanted, { head, name })
        if (match === 'none' || newestByName.has(name)) continue
        newestByName.set(name, { commitId: id, isWhole: match === 'whole' })
      }
    }
  }
  const all = [...newestByName]
  const whole = all.filter(([, { isWhole }]) => isWhole)
  const matches = whole.length > 0 ? whole : all
  if (matches.length > 1) throw ambiguous(wanted, matches.map(([name]) => name).sort())
  const [match] = matches
  if (match === undefined) throw unknown(wanted, tools)
  return match[1].commitId
}

async function findStartIds({ refs }: { refs: RefStore }): Promise<ObjectId[]> {
  const { id: headId } = await readHead(refs)
  const ids = headId === null ? [] : [headId]
  for (const prefix of [BRANCH_PREFIX, TAG_PREFIX]) {
    for await (const { id } of refs.list(prefix)) ids.push(id)
  }
  return ids
}

function matchHead(
  wanted: string,
  { head, name }: { head: string; name: string },
): 'whole' | 'prefix' | 'none' {
  if (wanted === head || wanted === name) return 'whole'
  const toolLength = name.length - head.length
  const isLongEnough = (length: number) => length >= MIN_PREFIX_CHARACTERS
  const isPrefix =
    (isLongEnough(wanted.length) && head.startsWith(wanted)) ||
    (isLongEnough(wanted.length - toolLength) && name.startsWith(wanted))
  return isPrefix ? 'prefix' : 'none'
}

function ambiguous(wanted: string, candidates: string[]): SnapError {
  const more = candidates.length > MAX_HINTED ? ', …' : ''
  return new SnapError(
    'REVISION_AMBIGUOUS',
    `migration '${wanted}' may be any of ${candidates.length}`,
    { revision: wanted, candidates },
    { hint: `write more of it, or its tool: ${candidates.slice(0, MAX_HINTED).join(', ')}${more}` },
  )
}

function unknown(wanted: string, tools: ReadonlySet<string>): SnapError {
  const reason =
    tools.size === 0
      ? 'no commit knows of a migration tool'
      : `no commit was made at it (tools: ${[...tools].sort().join(', ')})`
  return new SnapError(
    'REVISION_UNKNOWN',
    `unknown migration '${wanted}': ${reason}`,
    { revision: wanted },
    {
      hint: `'snap log --all' shows the migration of each commit; write its name whole, or its first ${MIN_PREFIX_CHARACTERS} characters`,
    },
  )
}

import {
  diffTableRows,
  listChangedTables,
  type ObjectId,
  readCommittedState,
  readTablePage,
  type Store,
  type TableEntry,
  withScratchDirectory,
} from '../../../src/index.ts'
import { findTable } from '../../find-table.ts'
import type { Job } from '../runner.ts'
import type { TableName } from '../state.ts'
import type { LoadOf, Workplace } from './workplace.ts'

/** Reads the rows of one page straight from the store. */
export async function loadPage(
  { store }: Workplace,
  { commitId, table, firstRow, rowCount }: LoadOf<'page'>,
  { dispatch, screenId }: Job,
): Promise<void> {
  const entry = await readTable(store, commitId, table)
  const rows = await readTablePage(store.objects, entry, { firstRow, rowCount })
  dispatch({
    kind: 'pageLoaded',
    screenId,
    page: { firstRow, rows },
    columns: entry.columns,
    rowCount: entry.rows?.rowCount ?? 0,
  })
}

async function readTable(store: Store, commitId: ObjectId, table: TableName): Promise<TableEntry> {
  const { treeId } = await store.objects.readCommit(commitId)
  return findTable(await store.objects.readTree(treeId), { revision: commitId, ...table })
}

/** More text than this is not kept to highlight changed rows by. */
const MAX_MARKED_CHARACTERS = 8_000_000

/** Finds which rows of the commit are new or other than in the commit it is compared with. */
export async function loadMarks(
  { store }: Workplace,
  { commitId, against, table }: LoadOf<'marks'>,
  { dispatch, screenId, signal }: Job,
): Promise<void> {
  const before = await readCommittedState(store, against)
  const after = await readCommittedState(store, commitId)
  const [pair] = listChangedTables(
    before,
    after,
    ({ namespace, name }) => namespace === table.namespace && name === table.name,
  )
  const marks = new Map<string, 'inserted' | 'updated'>()
  let deletedCount = 0
  let characterCount = 0
  if (pair !== undefined) {
    await withScratchDirectory(async (scratchDirectory) => {
      for await (const change of diffTableRows(before, after, pair, { scratchDirectory, signal })) {
        if (change.kind === 'deleted') deletedCount++
        else {
          marks.set(change.after, change.kind)
          characterCount += change.after.length
        }
        if (characterCount > MAX_MARKED_CHARACTERS) break
      }
    })
  }
  const isComplete = characterCount <= MAX_MARKED_CHARACTERS
  dispatch({ kind: 'marksLoaded', screenId, against, changes: { marks, deletedCount, isComplete } })
}

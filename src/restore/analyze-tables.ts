import type { Tree } from '../format/values.ts'
import { qualifiedName } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import type { Task } from './run-tasks.ts'

/** Plans the statistics that the planner would else be without until autovacuum comes. */
export function planAnalyses(tree: Pick<Tree, 'tables' | 'materializedViews'>): Task[] {
  const tables = tree.tables.filter(({ rows }) => rows !== null && rows.rowCount > 0)
  const views = tree.materializedViews.filter(({ isPopulated }) => isPopulated)
  const analyze = (name: string) => async (session: Session) => {
    // Statistics are a help, and never a reason to fail.
    await session.execute(`ANALYZE ${name}`).catch(() => undefined)
  }
  return [
    ...tables.map((table) => ({
      cost: table.rows?.sizeBytes ?? 0,
      run: analyze(qualifiedName(table)),
      after: [],
    })),
    ...views.map((view) => ({ cost: 0, run: analyze(qualifiedName(view)), after: [] })),
  ]
}

import type { Loader } from '../runner.ts'
import { loadCheckout } from './load-checkout.ts'
import { loadDiff, newRowsLoader } from './load-comparison.ts'
import { loadCommit, newHistoryLoader } from './load-history.ts'
import { loadJob, loadOperations, loadStore } from './load-store.ts'
import { loadMarks, loadPage } from './load-table.ts'
import type { Workplace } from './workplace.ts'

/** Loads whatever a screen lacks. */
export function newLoader(workplace: Workplace): Loader {
  const loadCommits = newHistoryLoader(workplace)
  const loadRows = newRowsLoader(workplace)
  return async (load, job) => {
    switch (load.kind) {
      case 'commits':
        return loadCommits(load, job)
      case 'commit':
        return loadCommit(workplace, load, job)
      case 'diff':
        return loadDiff(workplace, load, job)
      case 'rows':
        return loadRows(load, job)
      case 'page':
        return loadPage(workplace, load, job)
      case 'marks':
        return loadMarks(workplace, load, job)
      case 'checkout':
        return loadCheckout(workplace, load, job)
      case 'operations':
        return loadOperations(workplace, job)
      case 'store':
        return loadStore(workplace, job)
      case 'job':
        return loadJob(workplace, load, job)
    }
  }
}

import { basename, dirname } from 'node:path'
import { SnapError } from '../../src/index.ts'
import { normaliseCronExpression } from './cron-expression.ts'
import { quoteForShell } from './quote-arguments.ts'

export interface WorkflowOptions {
  storeDirectory: string
  cron: string
  /** What follows `snap`. */
  snapArguments: readonly string[]
  version: string
}

/**
 * Writes a GitHub Actions workflow. Pure.
 *
 * Strings are written as JSON, which YAML reads the same.
 *
 * @throws USAGE  an argument holds what GitHub would take for an expression of its own
 */
export function formatGithubWorkflow(options: WorkflowOptions): string {
  const { storeDirectory, cron, snapArguments, version } = options
  const expression = [storeDirectory, ...snapArguments].find((word) => word.includes('${{'))
  if (expression !== undefined) {
    throw new SnapError('USAGE', `GitHub would evaluate what is in '${expression}'`, {
      argument: expression,
    })
  }
  const project = basename(dirname(storeDirectory)) || 'database'
  return `# Written by 'snap schedule --print github'. Save it as .github/workflows/snap.yml
# and set the secret DATABASE_URL; SNAP_WEBHOOK_URL is told of failures, if it is set.
#
# The store must outlive the run, so this wants a runner with a disk of its own: on the
# runners of GitHub everything is gone when the job ends, and caches are evicted.
name: ${JSON.stringify(`snap ${project}`)}
on:
  schedule:
    # UTC; GitHub may start it late.
    - cron: ${JSON.stringify(normaliseCronExpression(cron))}
  workflow_dispatch: {}
# A run that is due while another goes on waits for it.
concurrency:
  group: ${JSON.stringify(`snap ${project}`)}
  cancel-in-progress: false
permissions:
  contents: read
jobs:
  commit:
    runs-on: self-hosted
    timeout-minutes: 360
    env:
      SNAP_DIR: ${JSON.stringify(storeDirectory)}
      DATABASE_URL: \${{ secrets.DATABASE_URL }}
      SNAP_WEBHOOK_URL: \${{ secrets.SNAP_WEBHOOK_URL }}
    steps:
      - uses: actions/setup-node@v4
        with:
          node-version: "22"
      - name: Commit and prune
        run: |
          ${quoteForShell(['npx', '--yes', `pgsnap@${version}`, ...snapArguments])}
`
}

import { deepEqual, throws } from 'node:assert/strict'
import { test } from 'vitest'
import { parse } from 'yaml'
import { formatGithubWorkflow } from '../../../cli/schedule/github-workflow.ts'

const OPTIONS = {
  storeDirectory: '/srv/my: "shop" #1/.snap',
  cron: '0 2 * * *',
  snapArguments: ['schedule', 'run', '--message=it\'s: "late" #2', '--keep-daily=30'],
  version: '1.2.3',
}

/** As GitHub writes an expression; no template of JavaScript. */
const expression = (name: string) => `$\{{ ${name} }}`

test('the workflow is YAML with the fields that GitHub reads, and strings come through whole', () => {
  deepEqual(parse(formatGithubWorkflow(OPTIONS), { strict: true, uniqueKeys: true }), {
    name: 'snap my: "shop" #1',
    on: { schedule: [{ cron: '0 2 * * *' }], workflow_dispatch: {} },
    concurrency: { group: 'snap my: "shop" #1', 'cancel-in-progress': false },
    permissions: { contents: 'read' },
    jobs: {
      commit: {
        'runs-on': 'self-hosted',
        'timeout-minutes': 360,
        env: {
          SNAP_DIR: '/srv/my: "shop" #1/.snap',
          DATABASE_URL: expression('secrets.DATABASE_URL'),
          SNAP_WEBHOOK_URL: expression('secrets.SNAP_WEBHOOK_URL'),
        },
        steps: [
          { uses: 'actions/setup-node@v4', with: { 'node-version': '22' } },
          {
            name: 'Commit and prune',
            run: `npx --yes pgsnap@1.2.3 schedule run '--message=it'\\''s: "late" #2' --keep-daily=30\n`,
          },
        ],
      },
    },
  })
})

test('what GitHub would evaluate is refused', () => {
  const snapArguments = ['schedule', 'run', `--message=${expression('secrets.TOKEN')}`]
  throws(() => formatGithubWorkflow({ ...OPTIONS, snapArguments }), { code: 'USAGE' })
})

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import {
  addToCrontab,
  formatCrontabBlock,
  listCrontab,
  removeFromCrontab,
} from '../../../cli/schedule/crontab-text.ts'
import type { Schedule } from '../../../cli/schedule/schedule.ts'

const NIGHTLY: Schedule = {
  name: 'snap-shop-1a2b3c4d',
  storeDirectory: '/srv/my shop 100%/.snap',
  cron: '0 2 * * *',
  commandLine: ['/usr/bin/node', '/opt/snap/main.js', '--store', '/srv/my shop 100%/.snap'],
}
const OTHER: Schedule = {
  ...NIGHTLY,
  name: 'snap-other-5e6f7a8b',
  storeDirectory: '/srv/other/.snap',
}

const BLOCK = `# snap-schedule {"name":"snap-shop-1a2b3c4d","cron":"0 2 * * *","storeDirectory":"/srv/my shop 100%/.snap"}
0 2 * * * /usr/bin/node /opt/snap/main.js --store '/srv/my shop 100''\\%'/.snap >/dev/null
# end of snap-schedule
`

test('a block says what it is, and keeps % from cron', () => {
  equal(formatCrontabBlock(NIGHTLY), BLOCK)
})

test.each([
  ['an empty crontab', ''],
  ['lines of others', 'MAILTO=ada\n# mine\n\n*/5 * * * * /bin/true % input\n'],
  ['a last line without an end', 'MAILTO=ada\n1 2 3 4 5 /bin/true'],
  ['line ends of Windows', 'A=1\r\n1 2 3 4 5 x\r\n'],
])('%s stays as it is', (_, crontab) => {
  const added = addToCrontab(crontab, NIGHTLY)
  equal(added.endsWith(BLOCK), true)
  const removed = removeFromCrontab(added, NIGHTLY.name)
  equal(removed, crontab === '' || crontab.endsWith('\n') ? crontab : `${crontab}\n`)
})

test('installing again replaces the block of this store and leaves those of others', () => {
  const both = addToCrontab(addToCrontab('A=1\n', NIGHTLY), OTHER)
  const again = addToCrontab(both, { ...NIGHTLY, cron: '30 3 * * *' })
  deepEqual(
    listCrontab(again).map(({ name, cron }) => [name, cron]),
    [
      [OTHER.name, '0 2 * * *'],
      [NIGHTLY.name, '30 3 * * *'],
    ],
  )
  equal(removeFromCrontab(removeFromCrontab(again, NIGHTLY.name), OTHER.name), 'A=1\n')
})

test('a comment that merely mentions it is nobody’s block', () => {
  const crontab = '# snap-schedule is nice\n# snap-schedule {"name":1}\n0 0 * * * /bin/true\n'
  deepEqual(listCrontab(crontab), [])
  equal(removeFromCrontab(crontab, 'snap-shop-1a2b3c4d'), crontab)
})

test('of a block whose end somebody deleted no other line is taken', () => {
  const broken = BLOCK.replace('# end of snap-schedule\n', '')
  equal(removeFromCrontab(`${broken}5 5 * * * mine\n`, NIGHTLY.name), '5 5 * * * mine\n')
  const next = formatCrontabBlock(OTHER)
  equal(removeFromCrontab(broken + next, NIGHTLY.name), next)
})

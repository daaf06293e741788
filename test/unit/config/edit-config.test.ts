import { equal } from 'node:assert/strict'
import { test } from 'vitest'
import { addDatabase, removeDatabases } from '../../../src/config/edit-config.ts'

test('a file that is not there is begun', () => {
  equal(
    addDatabase('', 'protected', { database: 'shop' }),
    '{\n  "protected": [\n    {\n      "database": "shop"\n    }\n  ]\n}\n',
  )
})

test('comments, order and what else is there stay', () => {
  const source = `{
  // what may not happen
  "rules": { "alarmIf": [] },
  "protected": [
    { "database": "a" } // the first
  ]
}
`
  equal(
    addDatabase(source, 'protected', { host: 'h', database: 'b' }),
    `{
  // what may not happen
  "rules": { "alarmIf": [] },
  "protected": [
    {
      "database": "a"
    },
    {
      "host": "h",
      "database": "b"
    } // the first
  ]
}
`,
  )
})

test('several entries go at once, whatever their order', () => {
  const source = '{ "protected": [{ "database": "a" }, { "database": "b" }, { "database": "c" }] }'
  const left = removeDatabases(source, 'protected', [0, 2])
  equal(JSON.stringify(JSON.parse(left)), '{"protected":[{"database":"b"}]}')
})

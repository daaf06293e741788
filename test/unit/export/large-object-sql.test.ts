import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { parseAcl } from '../../../src/export/large-object-sql.ts'

test('privileges are read from their text form, odd role names included', () => {
  deepEqual(parseAcl(String.raw`{ada=rw/ada,=r/ada,"\"a \"\"b\"\",\\=\"=r*w/\"x/y\""}`), [
    { grantee: 'ada', privilege: 'SELECT', isGrantable: false, grantor: 'ada' },
    { grantee: 'ada', privilege: 'UPDATE', isGrantable: false, grantor: 'ada' },
    { grantee: '', privilege: 'SELECT', isGrantable: false, grantor: 'ada' },
    { grantee: String.raw`a "b",\=`, privilege: 'SELECT', isGrantable: true, grantor: 'x/y' },
    { grantee: String.raw`a "b",\=`, privilege: 'UPDATE', isGrantable: false, grantor: 'x/y' },
  ])
})

test('an empty list gives nobody anything', () => {
  deepEqual(parseAcl('{}'), [])
})

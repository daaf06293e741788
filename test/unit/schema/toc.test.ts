import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SnapError } from '../../../src/errors.ts'
import { parseArchive, parseToc } from '../../../src/schema/toc.ts'

interface Options {
  minorVersion: 13 | 14 | 15 | 16
}

const integer = (value: number) => {
  const bytes = Buffer.alloc(5)
  bytes[0] = value < 0 ? 1 : 0
  bytes.writeUInt32LE(Math.abs(value), 1)
  return bytes
}
const text = (value: string | null) =>
  value === null
    ? integer(-1)
    : Buffer.concat([integer(Buffer.byteLength(value)), Buffer.from(value)])

/** An archive of one table, written field by field as WriteHead and WriteToc of pg_backup_archiver.c do. */
function archive({ minorVersion }: Options): Buffer {
  return Buffer.concat([
    Buffer.from('PGDMP'),
    Buffer.from([1, minorVersion, 0, 4, 8, 1]),
    minorVersion >= 15 ? Buffer.from([0]) : integer(0),
    ...[1, 2, 3, 4, 5, 126, 0].map(integer),
    ...['shop', '15.3', '18.3'].map(text),
    integer(1),
    integer(217),
    integer(0),
    ...['1259', '4294967295', 'zażółć', 'TABLE'].map(text),
    integer(2),
    ...['CREATE TABLE t ();\n', 'DROP TABLE t;\n', '', 'app', ''].map(text),
    minorVersion >= 14 ? text('heap') : Buffer.alloc(0),
    minorVersion >= 16 ? integer('r'.charCodeAt(0)) : Buffer.alloc(0),
    ...['ann', 'false', '5', '3', null].map(text),
    Buffer.alloc(9),
  ])
}

test.each([13, 14, 15, 16] as const)('an archive of version 1.%i is read', (minorVersion) => {
  expect(parseArchive(archive({ minorVersion }))).toEqual({
    pgDumpVersion: '18.3',
    serverVersion: '15.3',
    entries: [
      {
        dumpId: 217,
        classOid: 1259,
        oid: 4294967295,
        kind: 'TABLE',
        tag: 'zażółć',
        namespace: 'app',
        owner: 'ann',
        tableAccessMethod: minorVersion >= 14 ? 'heap' : null,
        tablespace: null,
        relationKind: minorVersion === 16 ? 'r' : null,
        section: 'preData',
        definition: 'CREATE TABLE t ();\n',
        dropStatement: 'DROP TABLE t;\n',
        dependencies: [5, 3],
      },
    ],
  })
})

function refusal(bytes: Uint8Array): unknown {
  try {
    parseToc(bytes)
    return undefined
  } catch (error) {
    return error
  }
}

test('every archive that is cut off is refused', () => {
  const whole = archive({ minorVersion: 16 })
  for (let sizeBytes = 0; sizeBytes < whole.length; sizeBytes++) {
    expect(refusal(whole.subarray(0, sizeBytes))).toMatchObject({ code: 'SCHEMA_DUMP_FAILED' })
  }
})

test('an archive of a version that is not known is refused', () => {
  const newer = archive({ minorVersion: 16 })
  newer[6] = 17
  expect(refusal(newer)).toMatchObject({
    message: 'cannot read the pg_dump archive: its version is 1.17',
  })
})

test('any bytes are parsed or refused, and nothing past their end is read', () => {
  const whole = archive({ minorVersion: 16 })
  const damaged = fc
    .array(fc.record({ at: fc.nat({ max: whole.length - 1 }), byte: fc.nat({ max: 255 }) }), {
      maxLength: 8,
    })
    .map((changes) => {
      const bytes = Buffer.from(whole)
      for (const { at, byte } of changes) bytes[at] = byte
      return bytes
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged), (bytes) => {
      const error = refusal(bytes)
      expect(error === undefined || error instanceof SnapError).toBe(true)
    }),
    { numRuns: 2000 },
  )
})

test('text that is not UTF-8 is refused rather than changed', () => {
  const bytes = archive({ minorVersion: 16 })
  bytes[bytes.indexOf('zażółć') + 2] = 0xff
  expect(refusal(bytes)).toMatchObject({
    message: 'cannot read the pg_dump archive: a name or definition in it is not valid UTF-8',
  })
})

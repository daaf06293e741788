import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { MemoryBackend } from '../../src/backend/memory-backend.ts'
import { decodeCommit, encodeCommit } from '../../src/format/commit.ts'
import { decodeLockRecord, encodeLockRecord } from '../../src/format/lock-record.ts'
import { decodeManifestNode, encodeManifestNode } from '../../src/format/manifest-node.ts'
import { objectIdOf } from '../../src/format/object-id.ts'
import { packKeyOf } from '../../src/format/pack.ts'
import { decodePrunedRecord, encodePrunedRecord } from '../../src/format/pruned-record.ts'
import { decodeRefRecord, encodeRefRecord } from '../../src/format/ref-record.ts'
import { decodeStoreFile, encodeStoreFile } from '../../src/format/store-file.ts'
import { decodeTree, encodeTree } from '../../src/format/tree.ts'
import { ObjectDatabase } from '../../src/objects/object-database.ts'
import { operationRecordCodec } from '../support/operation-records.ts'

/*
 * Golden values: literal bytes, what they mean, and their ids. Compressed bytes
 * are golden in one direction only, because zstd does not promise to write the
 * same frame in every version.
 */
interface ObjectVector {
  name: string
  value: never
  hex: string
  id: string
}

const objects = {
  commits: { encode: encodeCommit, decode: decodeCommit },
  trees: { encode: encodeTree, decode: decodeTree },
  nodes: { encode: encodeManifestNode, decode: decodeManifestNode },
}

for (const [file, { encode, decode }] of Object.entries(objects)) {
  test.each(vectorsIn<ObjectVector>(file))(`${file}: $name`, ({ value, hex, id }) => {
    expect(decode(bytes(hex))).toEqual(value)
    expect(hexOf(encode(value))).toBe(hex)
    expect(objectIdOf(bytes(hex))).toBe(id)
  })
}

interface RecordVector {
  name: string
  kind: keyof typeof records
  key: string
  value: never
  hex: string
}

const records = {
  store: { encode: encodeStoreFile, decode: decodeStoreFile },
  ref: { encode: encodeRefRecord, decode: decodeRefRecord },
  lock: { encode: encodeLockRecord, decode: decodeLockRecord },
  pruned: { encode: encodePrunedRecord, decode: decodePrunedRecord },
  operation: operationRecordCodec('start'),
  kept: operationRecordCodec('kept'),
  ended: operationRecordCodec('end'),
}

test.each(vectorsIn<RecordVector>('records'))('records: $name', ({ kind, key, value, hex }) => {
  expect(records[kind].decode(bytes(hex), key)).toEqual(value)
  expect(hexOf(records[kind].encode(value))).toBe(hex)
})

interface PackVector {
  name: string
  packId: string
  hex: string
  objects: { id: string; kind: string; hex: string }[]
}

test.each(vectorsIn<PackVector>('packs'))('packs: $name', async ({ packId, hex, objects }) => {
  const backend = new MemoryBackend()
  await backend.create(packKeyOf(packId as never), [bytes(hex)])
  const database = ObjectDatabase.open(backend)
  const read = []
  for (const id of await database.idsWithPrefix('')) {
    const { kind } = (await database.findEntry(id))!
    read.push({ id, kind, hex: hexOf(await database.read(id)) })
  }

  expect(read).toEqual(objects.toSorted((a, b) => (a.id < b.id ? -1 : 1)))
})

function vectorsIn<T>(file: string): T[] {
  const path = new URL(`../../fixtures/vectors/${file}.json`, import.meta.url)
  return JSON.parse(readFileSync(path, 'utf8')) as T[]
}

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}

function hexOf(value: Uint8Array): string {
  return Buffer.from(value).toString('hex')
}

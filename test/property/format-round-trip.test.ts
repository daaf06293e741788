import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeCanonicalJson, encodeCanonicalJson } from '../../src/format/canonical-json.ts'
import { decodeCommit, encodeCommit } from '../../src/format/commit.ts'
import { decodeJsonLines, encodeJsonLine } from '../../src/format/json-lines.ts'
import { decodeLockRecord, encodeLockRecord } from '../../src/format/lock-record.ts'
import { decodeManifestNode, encodeManifestNode } from '../../src/format/manifest-node.ts'
import { decodePackEnd, encodePackEnd, indexEntryAt } from '../../src/format/pack.ts'
import {
  decodeEntry,
  type EntryHeader,
  encodeEntryHead,
  entrySizeBytes,
} from '../../src/format/pack-entry.ts'
import { decodePrunedRecord, encodePrunedRecord } from '../../src/format/pruned-record.ts'
import { decodeRefRecord, encodeRefRecord } from '../../src/format/ref-record.ts'
import { decodeStoreFile, encodeStoreFile } from '../../src/format/store-file.ts'
import {
  checkCatalogFact,
  checkLargeObjectEntry,
  checkSchemaEntry,
  checkSequenceState,
} from '../../src/format/stream-entries.ts'
import { decodeTree, encodeTree } from '../../src/format/tree.ts'
import {
  anyCatalogFact,
  anyCommit,
  anyJson,
  anyLargeObjectEntry,
  anyLockRecord,
  anyManifestNode,
  anyObjectId,
  anyOperationEnd,
  anyOperationKept,
  anyOperationStart,
  anyPrunedRecord,
  anyRefRecord,
  anySchemaEntry,
  anySequenceState,
  anyStoreFile,
  anyTree,
} from '../support/arbitraries.ts'
import { operationRecordCodec } from '../support/operation-records.ts'

/** One stored type: arbitrary values, and both directions. */
interface Codec<T> {
  values: fc.Arbitrary<T>
  encode: (value: T) => Uint8Array
  decode: (bytes: Uint8Array) => T
}

const codecs: Record<string, Codec<never>> = {
  'canonical JSON': codec({
    values: anyJson,
    encode: encodeCanonicalJson,
    decode: decodeCanonicalJson,
  }),
  commit: codec({ values: anyCommit, encode: encodeCommit, decode: decodeCommit }),
  tree: codec({ values: anyTree, encode: encodeTree, decode: decodeTree }),
  'manifest node': codec({
    values: anyManifestNode,
    encode: encodeManifestNode,
    decode: decodeManifestNode,
  }),
  'ref record': codec({
    values: anyRefRecord,
    encode: encodeRefRecord,
    decode: (bytes) => decodeRefRecord(bytes, 'key'),
  }),
  'lock record': codec({
    values: anyLockRecord,
    encode: encodeLockRecord,
    decode: (bytes) => decodeLockRecord(bytes, 'key'),
  }),
  'pruned record': codec({
    values: anyPrunedRecord,
    encode: encodePrunedRecord,
    decode: (bytes) => decodePrunedRecord(bytes, 'key'),
  }),
  'operation start': codec({ values: anyOperationStart, ...operationRecordCodec('start') }),
  'operation kept': codec({ values: anyOperationKept, ...operationRecordCodec('kept') }),
  'operation end': codec({ values: anyOperationEnd, ...operationRecordCodec('end') }),
  'store file': codec({ values: anyStoreFile, encode: encodeStoreFile, decode: decodeStoreFile }),
}

test.each(Object.entries(codecs))(
  'decode(encode(x)) = x, of any %s',
  (_, { values, encode, decode }) => {
    fc.assert(
      fc.property(values, (value) => {
        expect(decode(encode(value))).toEqual(value)
      }),
    )
  },
)

test.each(Object.entries(codecs))(
  'equal values have equal bytes whatever the order of their keys, of any %s',
  (_, { values, encode }) => {
    fc.assert(
      fc.property(values, (value) => {
        expect(encode(withKeysReversed(value))).toEqual(encode(value))
      }),
    )
  },
)

test.each(Object.entries(codecs))(
  'decoding any bytes gives a value that encodes to them or a SnapError, of any %s',
  (_, { values, encode, decode }) => {
    const nearlyRight = fc
      .tuple(values, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.nat(3))
      .map(([value, offset, mask, cut]) => {
        const bytes = Uint8Array.from(encode(value))
        const at = offset % bytes.length
        bytes[at] = bytes[at]! ^ mask
        return bytes.subarray(0, bytes.length - cut)
      })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), nearlyRight), (bytes) => {
        const value = orSnapError(() => decode(bytes))
        if (value !== undefined) expect(Buffer.from(encode(value))).toEqual(Buffer.from(bytes))
      }),
      { numRuns: 300 },
    )
  },
)

const anyStored = fc.uint8Array({ maxLength: 60 }).chain((stored) =>
  fc
    .record({
      id: anyObjectId,
      kind: fc.constantFrom('chunk', 'metadata'),
      encoding: fc.constantFrom('raw', 'zstd'),
      extra: fc.integer({ min: 1, max: 1000 }),
    })
    .map(({ extra, ...rest }) => {
      const sizeBytes = stored.length + (rest.encoding === 'raw' ? 0 : extra)
      return {
        header: { ...rest, storedSizeBytes: stored.length, sizeBytes } as EntryHeader,
        stored,
      }
    }),
)

test('decode(encode(x)) = x, of any pack entry', () => {
  fc.assert(
    fc.property(anyStored, fc.uint8Array({ maxLength: 9 }), ({ header, stored }, before) => {
      const bytes = Buffer.concat([before, encodeEntryHead(header, stored), stored, before])
      const decoded = decodeEntry(bytes, before.length)

      expect(decoded.header).toEqual(header)
      expect(Buffer.from(decoded.stored)).toEqual(Buffer.from(stored))
    }),
  )
})

test('decode(encode(x)) = x, of any pack index, and its lines ascend', () => {
  const anyEntries = fc.uniqueArray(anyStored, { maxLength: 40, selector: (e) => e.header.id })
  fc.assert(
    fc.property(anyEntries, fc.uint8Array({ minLength: 16, maxLength: 16 }), (stored, salt) => {
      let offsetBytes = 12
      const entries = stored.map(({ header }) => {
        const entry = { ...header, offsetBytes }
        offsetBytes += entrySizeBytes(header)
        return entry
      })
      const { end, index } = encodePackEnd(entries, salt)
      const { packKey, packSizeBytes } = index
      const decoded = decodePackEnd(end, { packKey, packSizeBytes })

      expect(packSizeBytes).toBe(offsetBytes + end.length)
      const lines = Array.from({ length: decoded.entryCount }, (_, i) => indexEntryAt(decoded, i))
      expect(lines).toEqual(entries.toSorted((a, b) => (a.id < b.id ? -1 : 1)))
    }),
  )
})

test('decoding any bytes as a pack entry or the end of a pack gives a SnapError or a value', () => {
  const pack = { packKey: 'packs/00/00.pack', packSizeBytes: 500 }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, offset) => {
      orSnapError(() => decodeEntry(bytes, offset))
      orSnapError(() => decodePackEnd(bytes, pack))
    }),
  )
})

/** Arbitrary rows of each JSON stream, and the check that reading them runs. */
const streams: Record<string, { rows: fc.Arbitrary<unknown>; check: (row: unknown) => unknown }> = {
  'schema entry': { rows: anySchemaEntry, check: checkSchemaEntry },
  sequence: { rows: anySequenceState, check: checkSequenceState },
  'large object': { rows: anyLargeObjectEntry, check: checkLargeObjectEntry },
  'catalog fact': { rows: anyCatalogFact, check: checkCatalogFact },
}

test.each(Object.entries(streams))(
  'JSON lines are read back however the stream is cut up, of any %s',
  async (_, stream) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(stream.rows, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        async (rows, sliceSizes) => {
          const bytes = Buffer.concat(rows.map(encodeJsonLine))
          const decoded: unknown[] = []
          for await (const row of decodeJsonLines(slices(bytes, sliceSizes), stream.check)) {
            decoded.push(row)
          }
          expect(decoded).toEqual(rows)
        },
      ),
    )
  },
)

async function* slices(bytes: Uint8Array, sizes: number[]): AsyncIterable<Uint8Array> {
  for (let start = 0, i = 0; start < bytes.length; i++) {
    const size = sizes[i % sizes.length]!
    yield bytes.slice(start, start + size)
    start += size
  }
}

/** Hides a codec's value type, so that all can stand in one table. */
function codec<T>(typed: {
  values: fc.Arbitrary<T>
  encode: (value: T) => Uint8Array
  decode: (value: never) => unknown
}): Codec<never> {
  return typed as unknown as Codec<never>
}

function withKeysReversed<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withKeysReversed) as T
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).reverse()
  return Object.fromEntries(entries.map(([key, field]) => [key, withKeysReversed(field)])) as T
}

function orSnapError<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch (error) {
    expect(error).toMatchObject({ name: 'SnapError' })
    return undefined
  }
}

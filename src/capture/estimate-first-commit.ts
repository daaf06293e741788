/**
 * Says what a first commit will cost, from a little of the largest tables: how fast
 * the server sends their rows, how long these are as text, and how well they compress.
 *
 * A guess to plan by. It knows of no equal stretches, which are stored once.
 */
import { createHash } from 'node:crypto'
import { compressAndVerify, maxFrameBytes } from '../objects/compress.js'
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import { quoteIdentifier } from '../postgres/quote.ts'
import { openSession, type Session } from '../postgres/session.ts'
import { defaultJobs } from './default-jobs.ts'

export interface CommitEstimate {
  /** COPY text of all rows that may be read. */
  rowSizeBytes: number
  storedSizeBytes: number
  elapsedMs: number
  /** What was read to tell. */
  sampledSizeBytes: number
}

/** One table's size in the catalog, and what a look at its first rows has shown. */
export interface TableSample {
  heapSizeBytes: number
  /** Null for a table that was not looked at. */
  sample: { rowCount: number; sizeBytes: number; storedSizeBytes: number; elapsedMs: number } | null
  /** By the planner's statistics; null where it has none. */
  rowCount: number | null
}

const SAMPLED_TABLES = 6
const SAMPLED_BYTES = 1024 * 1024
/** As long as an average chunk, which is compressed by itself. */
const PIECE_BYTES = 64 * 1024
/** Two dumps of the schema, the locks, the commit itself. */
const FIXED_MS = 400
const PER_TABLE_MS = 3

/**
 * @returns  null when there is nothing to read, or somebody holds locks on it
 * @throws POSTGRES_*  as `openSession`, and ABORTED
 */
export async function estimateFirstCommit(
  address: DatabaseAddress,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<CommitEstimate | null> {
  const session = await openSession(address, {
    lockTimeoutMs: 1000,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  try {
    const tables = await listReadable(session)
    const samples: TableSample[] = []
    for (const [position, table] of tables.entries()) {
      const { heapSizeBytes, rowCount } = table
      const isSampled = position < SAMPLED_TABLES && heapSizeBytes > 0
      const sample = isSampled ? await readSample(session, table) : null
      samples.push({ heapSizeBytes, rowCount, sample })
    }
    return extrapolate(samples, defaultJobs())
  } finally {
    await session.close()
  }
}

interface ReadableTable {
  name: string
  heapSizeBytes: number
  rowCount: number | null
}

/** The largest first. Row security would make a sample of it fail, as it does a commit. */
async function listReadable(session: Session): Promise<ReadableTable[]> {
  const rows = await session.query<{
    namespace: string
    name: string
    size_bytes: string
    row_count: number
  }>(`
    SELECT n.nspname AS namespace, c.relname AS name, c.reltuples::float8 AS row_count,
           (pg_catalog.pg_relation_size(c.oid) +
            CASE WHEN c.reltoastrelid = 0 THEN 0 ELSE pg_catalog.pg_relation_size(c.reltoastrelid) END)::text AS size_bytes
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence <> 't'
       AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
       AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
       AND NOT pg_catalog.row_security_active(c.oid)
     ORDER BY 4 DESC, 1, 2`)
  return rows
    .map(({ namespace, name, size_bytes, row_count }) => ({
      name: `${quoteIdentifier(namespace)}.${quoteIdentifier(name)}`,
      heapSizeBytes: Number(size_bytes),
      rowCount: row_count < 0 ? null : row_count,
    }))
    .sort((a, b) => b.heapSizeBytes - a.heapSizeBytes)
}

/** Pieces end where they end: what is left of the last row does not matter to a guess. */
async function readSample(
  session: Session,
  { name, heapSizeBytes, rowCount }: ReadableTable,
): Promise<TableSample['sample']> {
  const rowSizeBytes = rowCount === null || rowCount === 0 ? 100 : heapSizeBytes / rowCount
  const limit = Math.max(1, Math.ceil(SAMPLED_BYTES / rowSizeBytes))
  const startedAtMs = performance.now()
  const pieces: Buffer[] = []
  for await (const piece of session.copyOut(
    `COPY (SELECT * FROM ONLY ${name} LIMIT ${limit}) TO STDOUT`,
  )) {
    pieces.push(piece)
  }
  const text = Buffer.concat(pieces)
  let storedSizeBytes = 0
  let lineCount = 0
  for (let at = 0; at < text.length; at += PIECE_BYTES) {
    const piece = text.subarray(at, at + PIECE_BYTES)
    const id = createHash('sha256').update(piece).digest('hex')
    const frame = new Uint8Array(maxFrameBytes(piece.length))
    const { encoding, frameSizeBytes } = compressAndVerify(id, piece, frame)
    storedSizeBytes += encoding === 'raw' ? piece.length : frameSizeBytes
  }
  for (const byte of text) if (byte === 0x0a) lineCount++
  return {
    rowCount: lineCount,
    sizeBytes: text.length,
    storedSizeBytes,
    elapsedMs: performance.now() - startedAtMs,
  }
}

/**
 * Takes what was not looked at for what was. Pure.
 *
 * @param jobs  connections that will read at the same time
 */
export function extrapolate(tables: readonly TableSample[], jobs: number): CommitEstimate | null {
  let sampledSizeBytes = 0
  let storedSampleBytes = 0
  let sampledMs = 0
  let knownHeapBytes = 0
  let knownTextBytes = 0
  let unknownHeapBytes = 0
  for (const { heapSizeBytes, rowCount, sample } of tables) {
    if (sample === null || sample.rowCount === 0) {
      unknownHeapBytes += heapSizeBytes
      continue
    }
    sampledSizeBytes += sample.sizeBytes
    storedSampleBytes += sample.storedSizeBytes
    sampledMs += sample.elapsedMs
    knownHeapBytes += heapSizeBytes
    // Without statistics a table of one sample was read to its end, and any other is about as long as text as in its file.
    knownTextBytes +=
      rowCount === null
        ? Math.max(sample.sizeBytes, Math.min(heapSizeBytes, heapSizeBytes * TEXT_SHARE_OF_HEAP))
        : sample.sizeBytes * Math.max(1, rowCount / sample.rowCount)
  }
  if (sampledSizeBytes === 0) return null
  const rowSizeBytes = Math.round(
    knownTextBytes + (unknownHeapBytes * knownTextBytes) / Math.max(1, knownHeapBytes),
  )
  const bytesPerMs = sampledSizeBytes / Math.max(1, sampledMs)
  return {
    rowSizeBytes,
    storedSizeBytes: Math.round((rowSizeBytes * storedSampleBytes) / sampledSizeBytes),
    elapsedMs: Math.round(
      FIXED_MS + tables.length * PER_TABLE_MS + rowSizeBytes / bytesPerMs / Math.max(1, jobs),
    ),
    sampledSizeBytes,
  }
}

/** A row of a file has a header of 23 bytes and a page some room; numbers are longer as text. */
const TEXT_SHARE_OF_HEAP = 0.6

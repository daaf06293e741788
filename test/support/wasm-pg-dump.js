/**
 * `node wasm-pg-dump.js OUTPUT DATABASE [ARGUMENT...]`: runs the WebAssembly
 * pg_dump against the PostgreSQL server at the other end of standard input and
 * output, and writes the dump to OUTPUT.
 *
 * The library hands us what pg_dump sends and wants the whole answer at once,
 * so this follows both directions' message boundaries, and nothing more.
 */
import { readSync, writeFileSync, writeSync } from 'node:fs'
import { pgDump } from '@electric-sql/pglite-tools/pg_dump'

const [outputPath, databaseName, ...args] = process.argv.slice(2)
const FROM_SERVER = 0
const TO_SERVER = 1

/** What has been sent of a message that is not complete yet. */
let unfinished = Buffer.alloc(0)
/** The startup packet alone has no kind byte before its length. */
let isStarted = false

/**
 * Returns the kind of the last message that `bytes` complete, or `undefined` when they end in the middle of one.
 *
 * @param {Uint8Array} bytes
 */
function followSent(bytes) {
  unfinished = Buffer.concat([unfinished, bytes])
  let kind
  for (;;) {
    const kindSizeBytes = isStarted ? 1 : 0
    if (unfinished.length < kindSizeBytes + 4) break
    const sizeBytes = kindSizeBytes + unfinished.readUInt32BE(kindSizeBytes)
    if (unfinished.length < sizeBytes) break
    kind = isStarted ? String.fromCharCode(unfinished[0] ?? 0) : 'startup'
    isStarted = true
    unfinished = unfinished.subarray(sizeBytes)
  }
  return unfinished.length === 0 ? kind : undefined
}

/**
 * Reads `sizeBytes` bytes, or fewer when the server has closed the connection.
 *
 * @param {number} sizeBytes
 */
function receive(sizeBytes) {
  const received = Buffer.allocUnsafe(sizeBytes)
  let filledBytes = 0
  while (filledBytes < sizeBytes) {
    const count = readSync(FROM_SERVER, received, filledBytes, sizeBytes - filledBytes, null)
    if (count === 0) break
    filledBytes += count
  }
  return received.subarray(0, filledBytes)
}

/** Reads messages up to the one after which the server waits for us, or up to its last. */
function receiveAnswer() {
  const messages = []
  for (;;) {
    const head = receive(5)
    if (head.length < 5) return Buffer.concat(messages)
    messages.push(head, receive(head.readUInt32BE(1) - 4))
    const isReadyForQuery = head[0] === 'Z'.charCodeAt(0)
    if (isReadyForQuery) return Buffer.concat(messages)
  }
}

const server = {
  /**
   * @param {Uint8Array} bytes
   * @param {{ onRawData: (bytes: Uint8Array) => void }} options
   */
  execProtocolRawStream(bytes, { onRawData }) {
    for (let sentBytes = 0; sentBytes < bytes.length; ) {
      sentBytes += writeSync(TO_SERVER, bytes, sentBytes)
    }
    const kind = followSent(bytes)
    if (kind !== undefined && kind !== 'X') onRawData(receiveAnswer())
  },
  // The library saves and restores the session's search path; this session ends with the dump.
  query: async () => ({ rows: [{ search_path: '' }] }),
  exec: async () => [],
}

const dump = await pgDump({
  pg: /** @type {any} */ (server),
  args: [...args, '--rows-per-insert=1', `--dbname=${databaseName}`],
})
writeFileSync(outputPath ?? '', await dump.text())

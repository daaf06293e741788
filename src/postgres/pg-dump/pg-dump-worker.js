/**
 * Runs the WebAssembly pg_dump in a thread of its own.
 *
 * Its libpq blocks on reads, so this thread sleeps on a shared integer while the
 * main thread, which owns the socket, gets the server's answer.
 *
 * @typedef {import('./conversation.ts').WorkerInput} WorkerInput
 * @typedef {import('./conversation.ts').WorkerOutput} WorkerOutput
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { pgDump } from '@electric-sql/pglite-tools/pg_dump'

const NEW_LINE = 10
/** Where `pgDump` tells pg_dump to write. */
const ARCHIVE_PATH = '/tmp/out.sql'

const { answers, answered, args } = /** @type {WorkerInput} */ (workerData)

/** @param {WorkerOutput} output */
function send(output) {
  parentPort?.postMessage(output)
}

/**
 * Sends a request to the server and sleeps until its whole answer is here.
 *
 * @param {Uint8Array} request
 * @returns {Uint8Array}
 */
function exchange(request) {
  Atomics.store(answered, 0, 0)
  send({ kind: 'request', bytes: request })
  // Not once: the wake-up of the answer before may come late, when that answer was found without sleeping.
  while (Atomics.load(answered, 0) === 0) Atomics.wait(answered, 0, 0)
  return receiveMessageOnPort(answers)?.message
}

/**
 * Length of the first protocol message in `bytes`, or Infinity when its header is not complete.
 *
 * @param {Uint8Array} bytes
 * @param {boolean} isStartup  the startup packet has no type byte
 */
function messageLength(bytes, isStartup) {
  const lengthAt = isStartup ? 0 : 1
  if (bytes.length < lengthAt + 4) return Number.POSITIVE_INFINITY
  return lengthAt + new DataView(bytes.buffer, bytes.byteOffset).getUint32(lengthAt)
}

let isStartup = true
let unsent = new Uint8Array()

/** Looks to pgDump like a PGlite instance whose protocol channel is our socket. */
const channel = {
  query: async () => ({ rows: [{ search_path: '' }] }),
  exec: async () => {},
  /**
   * libpq flushes a long query in several writes; the server answers only the whole of it.
   *
   * @param {Uint8Array} bytes  a view of the WebAssembly memory, valid during the call
   * @param {{ onRawData: (answer: Uint8Array) => void }} reader
   */
  execProtocolRawStream(bytes, { onRawData }) {
    const joined = new Uint8Array(unsent.length + bytes.length)
    joined.set(unsent)
    joined.set(bytes, unsent.length)
    unsent = joined
    while (unsent.length >= messageLength(unsent, isStartup)) {
      const end = messageLength(unsent, isStartup)
      const request = unsent.slice(0, end)
      unsent = unsent.slice(end)
      isStartup = false
      onRawData(exchange(request))
    }
  },
}

/**
 * Offers options to the WebAssembly module that `pgDump` does not pass on.
 *
 * `pgDump` returns the file decoded as UTF-8, which destroys an archive, and
 * drops what pg_dump prints while it succeeds. The module looks options up on
 * an ordinary object, so what this thread's Object.prototype offers reaches it:
 * a sink for standard error, and a callback that sees the module, whose file
 * system has the archive's bytes.
 *
 * @param {Record<string, unknown> & ThisType<typeof module>} options
 */
function offerModuleOptions(options) {
  for (const [name, value] of Object.entries(options)) {
    Object.defineProperty(Object.prototype, name, { value, writable: true, configurable: true })
  }
  return () => {
    for (const name of Object.keys(options)) Reflect.deleteProperty(Object.prototype, name)
  }
}

/** @type {{ FS: { readFile(path: string): Uint8Array } } | undefined} */
let module
/** @type {number[]} */
const standardError = []
const withdraw = offerModuleOptions({
  // The name pg_dump begins its messages with.
  thisProgram: 'pg_dump',
  stderr: (/** @type {number | null} */ byte) => standardError.push(byte ?? NEW_LINE),
  // Called as the module's method while it loads. (`postRun` would be the natural hook, but
  // pglite-tools 0.4.8 fails before it on a password file that does not exist.)
  monitorRunDependencies() {
    module = this
  },
})

const stderrText = () => Buffer.from(standardError).toString('utf8')

try {
  // The type asks for a whole PGlite, of which pgDump uses the three methods above.
  const pg = /** @type {any} */ (channel)
  await pgDump({ pg, args: [...args] })
  if (module === undefined) throw new Error('pg_dump started without telling its file system')
  const archive = module.FS.readFile(ARCHIVE_PATH)
  send({ kind: 'dumped', archive, stderr: stderrText() })
} catch (error) {
  const stderr = stderrText()
  send({ kind: 'failed', stderr, reason: error instanceof Error ? error.message : String(error) })
} finally {
  withdraw()
}

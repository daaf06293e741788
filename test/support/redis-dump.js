/**
 * Prints what a Redis server holds as commands that make another one, or the same, hold just that.
 * Equal data gives equal bytes: databases and keys are in order.
 *
 *     node redis-dump.js /run/redis.sock | redis-cli -s /run/redis.sock --pipe
 */
import { connect } from 'node:net'

const socket = connect(process.argv[2] ?? '')
const answers = readAnswers(socket)

/**
 * Sends commands at once and returns their answers in order.
 * @param {...(string | Buffer)[]} commands
 * @returns {Promise<any[]>}
 */
async function ask(...commands) {
  socket.write(Buffer.concat(commands.map(encode)))
  const found = []
  for (const _ of commands) {
    const { value } = await answers.next()
    if (value instanceof Error) throw value
    found.push(value)
  }
  return found
}

const [keyspace] = await ask(['INFO', 'keyspace'])
await print(encode(['FLUSHALL']))
for (const [, database] of keyspace.toString().matchAll(/^db(\d+):/gm)) {
  await ask(['SELECT', database])
  await print(encode(['SELECT', database]))
  const keys = new Map()
  let cursor = '0'
  do {
    const [[next, some]] = await ask(['SCAN', cursor, 'COUNT', '1000'])
    for (const key of some) keys.set(key.toString('latin1'), key)
    cursor = next.toString()
  } while (cursor !== '0')
  for (const name of [...keys.keys()].sort()) {
    const key = keys.get(name)
    const [value, expiresAtMs] = await ask(['DUMP', key], ['PEXPIRETIME', key])
    // It has expired meanwhile.
    if (value === null) continue
    const expiry = expiresAtMs > 0 ? [String(expiresAtMs), value, 'ABSTTL'] : ['0', value]
    await print(encode(['RESTORE', key, ...expiry]))
  }
}
socket.end()

/** @param {Buffer} bytes */
async function print(bytes) {
  if (!process.stdout.write(bytes)) await new Promise((go) => process.stdout.once('drain', go))
}

/**
 * One command in Redis' protocol.
 * @param {(string | Buffer)[]} words
 */
function encode(words) {
  const parts = words.map((word) => (typeof word === 'string' ? Buffer.from(word) : word))
  return Buffer.concat([
    Buffer.from(`*${parts.length}\r\n`),
    ...parts.flatMap((part) => [Buffer.from(`$${part.length}\r\n`), part, Buffer.from('\r\n')]),
  ])
}

/**
 * @param {import('node:net').Socket} stream
 * @returns {AsyncGenerator<any, never>}
 */
async function* readAnswers(stream) {
  const pieces = stream[Symbol.asyncIterator]()
  let held = Buffer.alloc(0)
  const more = async () => {
    const { value, done } = await pieces.next()
    if (done) throw new Error('the server has closed the connection')
    held = Buffer.concat([held, value])
  }
  const line = async () => {
    while (!held.includes('\r\n')) await more()
    const end = held.indexOf('\r\n')
    const text = held.toString('latin1', 0, end)
    held = held.subarray(end + 2)
    return text
  }
  /** @returns {Promise<any>} */
  const answer = async () => {
    const text = await line()
    const [kind, rest] = [text[0], text.slice(1)]
    if (kind === '+') return rest
    if (kind === '-') return new Error(rest)
    if (kind === ':') return Number(rest)
    const count = Number(rest)
    if (count < 0) return null
    if (kind === '*') {
      const items = []
      for (let i = 0; i < count; i++) items.push(await answer())
      return items
    }
    while (held.length < count + 2) await more()
    const bytes = Buffer.from(held.subarray(0, count))
    held = held.subarray(count + 2)
    return bytes
  }
  for (;;) yield await answer()
}

/**
 * The launcher runs in processes of its own here, which are killed and robbed
 * of files. Those need plain JavaScript, so it is compiled first.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { cp, lstat, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEmbeddedPostgres } from '../../../cli/demo/embedded-postgres.ts'

const projectDirectory = fileURLToPath(new URL('../../..', import.meta.url))
const tls = {
  keyFile: join(projectDirectory, 'fixtures/tls/server.key'),
  certificateFile: join(projectDirectory, 'fixtures/tls/server.crt'),
}

let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snap-launcher-'))
  const compiler = join(projectDirectory, 'node_modules/typescript/bin/tsc')
  await promisify(execFile)(process.execPath, [
    compiler,
    join(projectDirectory, 'cli/demo/embedded-postgres.ts'),
    ...[
      '--ignoreConfig',
      '--types',
      'node',
      '--typeRoots',
      join(projectDirectory, 'node_modules/@types'),
    ],
    ...['--target', 'es2023', '--module', 'nodenext', '--rewriteRelativeImportExtensions'],
    ...['--strict', '--skipLibCheck', '--outDir', directory],
  ])
  await writeFile(join(directory, 'package.json'), '{"type": "module"}')
  await writeFile(
    join(directory, 'hold.js'),
    `import { startEmbeddedPostgres } from './embedded-postgres.js'
     const server = await startEmbeddedPostgres()
     console.log(JSON.stringify({ host: server.host, url: server.url('postgres') }))
     setInterval(() => {}, 1000)`,
  )
})

afterAll(() => rm(directory, { recursive: true, force: true }))

/** Starts a process that holds a server, and waits until the server is up. */
async function holdServer(nodePath = join(projectDirectory, 'node_modules')) {
  const holder = spawn(process.execPath, [join(directory, 'hold.js')], {
    env: { ...process.env, NODE_PATH: nodePath },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const firstLine = await new Promise<string>((resolve, reject) => {
    holder.stdout.once('data', (data) => resolve(String(data)))
    holder.once('exit', (code) => reject(new Error(`the holder exited with ${code}`)))
  })
  return { holder, ...(JSON.parse(firstLine) as { host: string; url: string }) }
}

async function kill(holder: ChildProcess, signal: NodeJS.Signals) {
  const gone = new Promise((resolve) => holder.once('exit', resolve))
  holder.kill(signal)
  await gone
}

async function ask(config: pg.ClientConfig, sql: string): Promise<Record<string, unknown>> {
  const client = new pg.Client(config)
  await client.connect()
  try {
    return (await client.query(sql)).rows[0]
  } finally {
    await client.end()
  }
}

async function isGone(path: string): Promise<boolean> {
  return readdir(path).then(
    () => false,
    () => true,
  )
}

test.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
  'a server and its folder are gone after its parent got %s',
  async (signal) => {
    const { holder, host, url } = await holdServer()
    expect(await ask({ connectionString: url }, 'SELECT 1 AS one')).toEqual({ one: 1 })

    await kill(holder, signal)

    await expect.poll(() => isGone(host), { timeout: 60_000 }).toBe(true)
    await expect(ask({ connectionString: url }, 'SELECT 1')).rejects.toThrow(/ENOENT/)
  },
)

test("a server starts where npm's install scripts did not run", async () => {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`
  const modules = join(directory, 'bare')
  for (const [name, entry] of [
    ['embedded-postgres', require.resolve('embedded-postgres')],
    [platform, require.resolve(platform)],
  ] as const) {
    await cp(dirname(dirname(entry)), join(modules, name), {
      recursive: true,
      // What npm unpacks before any script runs has no symbolic links.
      filter: async (path) => !(await isSymbolicLink(path)),
    })
  }

  const { holder, host, url } = await holdServer(modules)
  const answer = await ask({ connectionString: url }, 'SELECT 1 AS one')
  await kill(holder, 'SIGTERM')

  expect(answer).toEqual({ one: 1 })
  await expect.poll(() => isGone(host), { timeout: 60_000 }).toBe(true)
})

async function isSymbolicLink(path: string): Promise<boolean> {
  return (await lstat(path)).isSymbolicLink()
}

test('a stopped server leaves nothing, and can be stopped again', async () => {
  const server = await startEmbeddedPostgres()
  await server.stop()
  await server.stop()
  expect(await isGone(server.host)).toBe(true)
})

test('a password is asked for over TCP, and only there', async () => {
  const role = `o'neil "the" role`
  const server = await startEmbeddedPostgres({ tcp: { role, password: `pa'ss` } })
  const address = { host: '127.0.0.1', port: server.port, user: role, database: 'postgres' }
  const sql = 'SELECT current_user AS who'
  try {
    expect(await ask({ ...address, password: `pa'ss` }, sql)).toEqual({ who: role })
    expect(await ask({ connectionString: server.url('postgres') }, sql)).toEqual({
      who: 'postgres',
    })
    await expect(ask({ ...address, password: 'wrong' }, sql)).rejects.toMatchObject({
      code: '28P01',
    })
  } finally {
    await server.stop()
  }
})

test('with a certificate, TCP connections without TLS are refused', async () => {
  const server = await startEmbeddedPostgres({ tcp: { role: 'visitor', password: 'x', tls } })
  const address = {
    host: '127.0.0.1',
    port: server.port,
    user: 'visitor',
    password: 'x',
    database: 'postgres',
  }
  const sql = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'
  try {
    expect(await ask({ ...address, ssl: { rejectUnauthorized: false } }, sql)).toEqual({
      ssl: true,
    })
    await expect(ask(address, sql)).rejects.toMatchObject({ code: '28000' })
  } finally {
    await server.stop()
  }
})

test('a package that is not installed is an error that says how to install it', async () => {
  await expect(startEmbeddedPostgres({ packageName: 'postgres-0' })).rejects.toMatchObject({
    name: 'EmbeddedPostgresError',
    message: "cannot find the npm package 'postgres-0'",
    hint: "run 'npm install --save-dev postgres-0'",
  })
})

test('a server that refuses its settings is an error with its log', async () => {
  const start = startEmbeddedPostgres({ settings: { shared_buffers: 'plenty' } })
  await expect(start).rejects.toThrow(/did not start:[\s\S]*shared_buffers/)
})

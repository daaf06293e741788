/**
 * The compiled program, laid out as npm would install it, for tests that need a
 * process of its own.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { copyFile, cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../', import.meta.url))

export interface InstalledProgram {
  /** The file that package.json names as `bin`. */
  readonly path: string
  /** Starts it; `shell` runs it in a command line, as `"$SNAP"`. */
  start(argv: readonly string[], options: ProcessOptions): ChildProcess
  run(argv: readonly string[], options: ProcessOptions): Promise<ProcessOutcome>
  runShell(commandLine: string, options: ProcessOptions): Promise<ProcessOutcome>
  remove(): Promise<void>
}

export interface ProcessOptions {
  workingDirectory: string
  environment: Record<string, string | undefined>
}

export interface ProcessOutcome {
  exitCode: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** Compiles the program into a directory of its own. */
export async function installProgram(): Promise<InstalledProgram> {
  const directory = await mkdtemp(join(tmpdir(), 'snap-installed-'))
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const outDir = join(directory, 'dist')
  await promisify(execFile)(process.execPath, [
    compiler,
    '-p',
    join(root, 'tsconfig.build.json'),
    '--outDir',
    outDir,
  ])
  for (const folder of ['schemas', 'help', 'completion']) {
    await cp(join(root, 'cli', folder), join(outDir, 'cli', folder), {
      recursive: true,
      filter: (path) => !path.endsWith('.ts'),
    })
  }
  await copyFile(join(root, 'package.json'), join(directory, 'package.json'))
  await mkdir(join(directory, 'fixtures', 'databases'), { recursive: true })
  await cp(
    join(root, 'fixtures', 'databases', 'shop.sql'),
    join(directory, 'fixtures', 'databases', 'shop.sql'),
  )
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'))
  const path = join(outDir, 'cli', 'main.js')

  const start: InstalledProgram['start'] = (argv, options) =>
    spawn(process.execPath, [path, ...argv], {
      cwd: options.workingDirectory,
      env: options.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  return {
    path,
    start,
    run: (argv, options) => outcomeOf(start(argv, options)),
    runShell: (commandLine, { workingDirectory, environment }) =>
      outcomeOf(
        spawn('/bin/bash', ['-c', commandLine], {
          cwd: workingDirectory,
          env: { ...environment, SNAP: `${process.execPath} ${path}` },
          stdio: ['ignore', 'pipe', 'pipe'],
        }),
      ),
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}

/** Collects what a process writes until it ends. */
export async function outcomeOf(child: ChildProcess): Promise<ProcessOutcome> {
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout?.on('data', (piece: Buffer) => stdout.push(piece))
  child.stderr?.on('data', (piece: Buffer) => stderr.push(piece))
  const [exitCode, signal] = await new Promise<[number | null, NodeJS.Signals | null]>(
    (resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, endSignal) => resolve([code, endSignal]))
    },
  )
  return {
    exitCode,
    signal,
    stdout: Buffer.concat(stdout).toString(),
    stderr: Buffer.concat(stderr).toString(),
  }
}

/** Resolves once a process has written `text` to stderr. */
export function stderrShows(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = ''
    child.stderr?.on('data', (piece: Buffer) => {
      seen += piece.toString()
      if (seen.includes(text)) resolve()
    })
    child.once('close', () => reject(new Error(`ended before it wrote '${text}':\n${seen}`)))
  })
}

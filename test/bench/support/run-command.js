/**
 * Runs a command to its end and measures it: wall time, processor time and peak resident memory of
 * the command and all it started. Memory is Linux's `VmHWM`, added up over processes; 0 elsewhere.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * @typedef {{ seconds: number, cpuSeconds: number, peakResidentMegabytes: number }} Measured
 */

const POLL_MS = 20

/**
 * @param {string} command  of bash: a pipeline is one command
 * @param {import('node:child_process').SpawnOptions} [options]  its output is thrown away unless `stdio` says otherwise
 * @returns {Promise<Measured>}
 */
export async function runShell(command, options = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'snap-bench-times-'))
  const timesFile = join(directory, 'times')
  try {
    const startedAt = performance.now()
    // bash waits for what it has started, and knows what all of it took.
    const script = `set -o pipefail; TIMEFORMAT='%U %S'; { time { ${command}; } 2>&3; } 3>&2 2>"$0"`
    const child = spawn('bash', ['-c', script, timesFile], {
      stdio: ['ignore', 'ignore', 'inherit'],
      ...options,
    })
    /** @type {Map<number, number>} */
    const peaks = new Map()
    const timer = setInterval(() => notePeaks(child.pid ?? 0, peaks), POLL_MS)
    const code = await new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', resolve)
    }).finally(() => clearInterval(timer))
    const seconds = (performance.now() - startedAt) / 1000
    if (code !== 0) throw new Error(`'${command}' exited ${code}`)
    const [user = 0, system = 0] = readFileSync(timesFile, 'utf8').trim().split(' ').map(Number)
    const kibibytes = [...peaks.values()].reduce((sum, peak) => sum + peak, 0)
    return { seconds, cpuSeconds: user + system, peakResidentMegabytes: kibibytes / 1024 }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/**
 * Runs one program without a shell's reading of its arguments.
 *
 * @param {string} command @param {readonly string[]} args @param {import('node:child_process').SpawnOptions} [options]
 */
export function run(command, args, options = {}) {
  return runShell([command, ...args].map(quoteForShell).join(' '), options)
}

/** @param {string} word */
export function quoteForShell(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/** @param {number} pid @param {Map<number, number>} peaks */
function notePeaks(pid, peaks) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const kibibytes = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0)
    peaks.set(pid, Math.max(peaks.get(pid) ?? 0, kibibytes))
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    for (const child of children.split(' ').filter(Boolean)) notePeaks(Number(child), peaks)
  } catch {
    // It has just ended, or this is not Linux.
  }
}

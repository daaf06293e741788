import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { kill, pid } from 'node:process'

/** What tells one process from every other that had or will have its number. */
export interface ProcessIdentity {
  pid: number
  host: string
  /** Boot and start time as the system counts them; null where it does not tell. */
  processStart: string | null
}

/** Returns the identity of this process. */
export async function thisProcess(): Promise<ProcessIdentity> {
  return { pid, host: hostname(), processStart: await findProcessStart(pid) }
}

/**
 * Tells whether a process has certainly ended.
 *
 * A process of another host is never said to have. Where the system does not
 * tell start times, one whose number is in use again counts as living.
 */
export async function hasEnded(identity: ProcessIdentity): Promise<boolean> {
  if (identity.host !== hostname()) return false
  if (!isNumberInUse(identity.pid)) return true
  const found = await findProcessStart(identity.pid)
  return identity.processStart !== null && found !== null && found !== identity.processStart
}

function isNumberInUse(processNumber: number): boolean {
  try {
    return kill(processNumber, 0)
  } catch (error) {
    // EPERM: it lives, and belongs to someone else.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** Linux: boot id, and field 22 of /proc/<pid>/stat, clock ticks since boot (proc_pid_stat(5)). */
async function findProcessStart(processNumber: number): Promise<string | null> {
  try {
    const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'latin1')
    const fields = await readFile(`/proc/${processNumber}/stat`, 'latin1')
    // The second field is the program's name in parentheses, and may hold spaces and parentheses.
    const startTicks = fields.slice(fields.lastIndexOf(')') + 2).split(' ')[19]
    return startTicks === undefined ? null : `${bootId.trim()} ${startTicks}`
  } catch {
    // Other systems have no /proc; then only the number tells.
    return null
  }
}

import { PassThrough } from 'node:stream'
import type { InputStream } from '../../cli/io.ts'

/** A terminal at which somebody gives one answer after the other, each as soon as something is asked. */
export function terminalTyping(...answers: string[]): InputStream {
  const stdin: InputStream = new PassThrough()
  const left = [...answers]
  stdin.isTTY = true
  stdin.setRawMode = (isRaw) => {
    // Raw mode is when the question listens.
    const answer = isRaw ? left.shift() : undefined
    if (answer !== undefined) setImmediate(() => stdin.push(answer))
    return stdin
  }
  return stdin
}

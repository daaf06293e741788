import { deepEqual } from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'vitest'
import type { ProgramIo } from '../../../cli/io.ts'
import { Output } from '../../../cli/output/output.ts'
import { CapturedStream, NOW } from '../run-snap.ts'

function newOutput({ isTerminal }: { isTerminal: boolean }) {
  const stdout = new CapturedStream(isTerminal)
  const stderr = new CapturedStream(isTerminal)
  const signal = new AbortController().signal
  const io = { stdout, stderr, environment: {}, now: () => NOW, signal } as unknown as ProgramIo
  const options = { color: 'never', date: null, isQuiet: false, onPagerClosed: () => {} } as const
  return { output: new Output(io, options), stdout, stderr }
}

test('a command that has nothing to print leaves no line of progress behind', async () => {
  const { output, stdout, stderr } = newOutput({ isTerminal: true })
  output.progress.report({ kind: 'phaseStarted', phase: 'captureRows' })
  await output.finish()
  deepEqual([stdout.text, stderr.text], ['', '\r\u001b[2Kreading rows\r\u001b[2K'])
})

test('while a pager has the terminal, messages go to it and progress nowhere', async () => {
  const { output, stdout, stderr } = newOutput({ isTerminal: true })
  const input = new PassThrough()
  const ended = new Promise<void>((resolve) => input.once('close', resolve))
  let paged = ''
  input.on('data', (piece: Buffer) => {
    paged += piece.toString()
  })
  output.pageWith(() => ({ input, ended }))
  output.note('before')
  output.result('one')
  output.progress.report({ kind: 'phaseStarted', phase: 'captureRows' })
  output.note('warning: two')
  await output.finish()
  output.note('after')
  deepEqual(
    { paged, stdout: stdout.text, stderr: stderr.text },
    { paged: 'one\nwarning: two\n', stdout: '', stderr: 'before\nafter\n' },
  )
})

import { Writable } from 'node:stream'
import { SnapError } from '../src/store-index.ts'
import type { Context } from './context.ts'
import type { InputStream, OutputStream } from './io.ts'

/**
 * Asks a yes-or-no question and returns only when the answer is yes.
 *
 * @throws CONFIRMATION_NEEDED  nobody can be asked, or the answer is no
 * @throws ABORTED              the user interrupted the question
 */
export async function requireConfirmation(context: Context, question: string): Promise<void> {
  if (!canAsk(context)) {
    throw new SnapError(
      'CONFIRMATION_NEEDED',
      'cannot ask for a confirmation: no terminal',
      { question },
      { hint: 'pass -y to confirm' },
    )
  }
  if (!(await askYesOrNo(context, question))) {
    throw new SnapError('CONFIRMATION_NEEDED', 'not confirmed: nothing was changed', { question })
  }
}

/** True when there is somebody at a terminal to ask. */
export function canAsk({ io, options }: Context): boolean {
  return io.stdin.isTTY === true && io.stderr.isTTY === true && options.json !== true
}

/**
 * Asks on stderr, so that a redirected stdout does not swallow the question. "No" is preselected.
 *
 * @throws ABORTED  the user interrupted the question
 */
export async function askYesOrNo(context: Context, question: string): Promise<boolean> {
  const { confirm } = await import('@clack/prompts')
  return ask(context, (terminal) =>
    confirm({ message: question, initialValue: false, ...terminal }),
  )
}

/**
 * Asks for a line of text on stderr.
 *
 * @throws ABORTED  the user interrupted the question
 */
export async function askForText(context: Context, question: string): Promise<string> {
  const { text } = await import('@clack/prompts')
  const answer = await ask(context, (terminal) => text({ message: question, ...terminal }))
  // An empty answer comes as undefined.
  return (answer ?? '').trim()
}

/**
 * Has one of several things chosen, on stderr; the last choice is none of them.
 *
 * @returns  its position; null for none
 * @throws ABORTED  the user interrupted the question
 */
export async function askToChoose(
  context: Context,
  question: string,
  choices: readonly { label: string; hint: string }[],
): Promise<number | null> {
  const { select } = await import('@clack/prompts')
  const options = choices.map(({ label, hint }, value) => ({ value, label, hint }))
  const answer = await ask(context, (terminal) =>
    select({
      message: question,
      options: [...options, { value: -1, label: 'none of these', hint: '' }],
      ...terminal,
    }),
  )
  return answer === -1 ? null : answer
}

interface Terminal {
  input: InputStream
  output: OutputStream
  signal: AbortSignal
}

async function ask<Answer>(
  { io, output }: Context,
  prompt: (terminal: Terminal) => Promise<Answer>,
): Promise<Exclude<Answer, symbol>> {
  const { isCancel, updateSettings } = await import('@clack/prompts')
  // Ctrl-D ends the input: the question would wait for what never comes, and node give up on it.
  updateSettings({ aliases: { '\u0004': 'cancel' } })
  const ended = new AbortController()
  const end = () => ended.abort()
  io.stdin.once('end', end).once('error', end)
  const restoreRawMode = tolerateGoneTerminal(io.stdin)
  output.progress.clear()
  try {
    const signal = AbortSignal.any([io.signal, ended.signal])
    const answer = await prompt({ input: io.stdin, output: withColumns(io.stderr), signal })
    if (isCancel(answer)) throw questionAborted()
    return answer as Exclude<Answer, symbol>
  } finally {
    restoreRawMode()
    io.stdin.off('end', end).off('error', end)
  }
}

/** A terminal that was closed cannot be set back to lines, and readline would throw that at nobody. */
function tolerateGoneTerminal(stdin: InputStream): () => void {
  const { setRawMode } = stdin
  if (setRawMode === undefined) return () => undefined
  stdin.setRawMode = (isRaw) => {
    try {
      return setRawMode.call(stdin, isRaw)
    } catch {
      return stdin
    }
  }
  return () => {
    stdin.setRawMode = setRawMode
  }
}

/** Narrower than this, a question stands a letter or two to a line. */
const MIN_COLUMNS = 20
const USUAL_COLUMNS = 80

/**
 * Returns a stream that a question can be laid out on. A serial line, or a terminal in a container
 * that nobody has told its size, says that it has no columns.
 */
function withColumns(stream: OutputStream): OutputStream {
  if (stream.columns === undefined || stream.columns >= MIN_COLUMNS) return stream
  const wider = new Writable({
    // A terminal that was closed is heard of by its end, and by the signal.
    write: (piece, encoding, done) => void stream.write(piece, encoding, () => done()),
  })
  return Object.assign(wider, { isTTY: stream.isTTY === true, columns: USUAL_COLUMNS })
}

const questionAborted = () => new SnapError('ABORTED', 'interrupted', { operation: 'the question' })

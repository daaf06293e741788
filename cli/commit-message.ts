import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SnapError } from '../src/index.ts'
import type { ProgramIo } from './io.ts'

const TEMPLATE = `
# Say why this commit is made. Lines that start with '#' are left out;
# an empty message makes no commit.
`

/**
 * Returns the message for a commit: the paragraphs given with -m, or what the user writes in an editor.
 *
 * @throws USAGE  the message is empty, or none was given and there is no terminal to ask on
 */
export async function readCommitMessage(
  paragraphs: readonly string[],
  io: ProgramIo,
): Promise<string> {
  const isGiven = paragraphs.length > 0
  if (!isGiven && !(io.stdin.isTTY && io.stdout.isTTY)) {
    throw new SnapError(
      'USAGE',
      'no commit message, and no terminal to write one on',
      { argument: '-m' },
      { hint: "pass one with -m 'why this commit is made'" },
    )
  }
  const message = isGiven ? paragraphs.join('\n\n').trim() : await editMessage(io)
  if (message === '') {
    throw new SnapError('USAGE', 'the commit message is empty: no commit was made', {
      argument: '-m',
    })
  }
  return message
}

async function editMessage(io: ProgramIo): Promise<string> {
  const { environment } = io
  const editor = environment.SNAP_EDITOR || environment.VISUAL || environment.EDITOR || 'vi'
  const directory = await mkdtemp(join(tmpdir(), 'snap-message-'))
  try {
    const path = join(directory, 'COMMIT_MESSAGE')
    await writeFile(path, TEMPLATE, { mode: 0o600 })
    await runEditor(editor, path, io)
    const text = await readFile(path, 'utf8')
    return text
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .join('\n')
      .trim()
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Runs the editor through the shell, as git does, because $EDITOR may hold arguments. */
async function runEditor(editor: string, path: string, io: ProgramIo): Promise<void> {
  const exit = await new Promise<number | string>((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, editor, path], {
      stdio: 'inherit',
      cwd: io.workingDirectory,
      env: { ...io.environment },
    })
    child.once('error', reject)
    child.once('exit', (exitCode, signal) => resolve(exitCode ?? signal ?? 'unknown'))
  })
  if (exit !== 0) {
    throw new SnapError(
      'USAGE',
      `the editor '${editor}' ended with ${exit}: no commit was made`,
      { argument: 'EDITOR' },
      { hint: 'set EDITOR, or pass the message with -m' },
    )
  }
}

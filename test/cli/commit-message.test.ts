import { equal, rejects } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { readCommitMessage } from '../../cli/commit-message.ts'
import type { ProgramIo } from '../../cli/io.ts'

function ioWith(variables: Record<string, string>, isTTY = true): ProgramIo {
  return {
    environment: { PATH: process.env.PATH, ...variables },
    workingDirectory: '/',
    stdin: { isTTY },
    stdout: { isTTY },
  } as unknown as ProgramIo
}

/** An editor that does `script` with the file as its first argument. */
function editor(script: string): { EDITOR: string } {
  return { EDITOR: `sh -c '${script}' editor` }
}

test('each -m is a paragraph', async () => {
  equal(await readCommitMessage(['one', 'two\n'], ioWith({}, false)), 'one\n\ntwo')
})

test('without -m and without a terminal it is a usage error that names -m', async () => {
  await rejects(readCommitMessage([], ioWith({}, false)), {
    code: 'USAGE',
    hint: "pass one with -m 'why this commit is made'",
  })
})

test('an empty message makes no commit', async () => {
  await rejects(readCommitMessage([' \n'], ioWith({}, false)), { code: 'USAGE' })
})

describe('on a terminal', () => {
  test('an editor writes it, and lines that begin with # are left out', async () => {
    const io = ioWith(editor('printf "why\\n# not this\\n\\nbecause\\n" >> "$1"'))
    equal(await readCommitMessage([], io), 'why\n\nbecause')
  })

  test('saving the template as it is makes no commit', async () => {
    await rejects(readCommitMessage([], ioWith(editor('true'))), { code: 'USAGE' })
  })

  test('an editor that fails makes no commit', async () => {
    await rejects(readCommitMessage([], ioWith(editor('echo x >> "$1"; exit 3'))), {
      code: 'USAGE',
      message: /ended with 3: no commit was made$/,
    })
  })

  test('SNAP_EDITOR goes before VISUAL, and that before EDITOR', async () => {
    const write = (text: string) => `sh -c 'echo ${text} >> "$1"' editor`
    const io = ioWith({ SNAP_EDITOR: write('snap'), VISUAL: write('visual'), EDITOR: 'false' })
    equal(await readCommitMessage([], io), 'snap')
    equal(
      await readCommitMessage([], ioWith({ VISUAL: write('visual'), EDITOR: 'false' })),
      'visual',
    )
  })
})

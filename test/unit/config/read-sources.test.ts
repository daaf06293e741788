import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { formatConfigProblem, parseConfig } from '../../../src/config/parse-config.ts'
import { isSnapError } from '../../../src/errors.ts'

const sourcesOf = (sources: object) => parseConfig(JSON.stringify({ sources }), 'c.json').sources

test('a directory is taken whole, but for the files that hold secrets', () => {
  deepEqual(sourcesOf({ uploads: { files: { root: 'var/uploads' } } }), [
    {
      kind: 'files',
      name: 'uploads',
      root: 'var/uploads',
      patterns: ['**'],
      exclude: ['**/.env', '**/.env.*'],
    },
  ])
})

test('a pattern that names them takes them in', () => {
  const files = { root: '.', patterns: ['config/**', '.env'], exclude: ['config/tmp/**'] }
  deepEqual(sourcesOf({ settings: { files } }), [{ kind: 'files', name: 'settings', ...files }])
})

test('a command is a list or a line, and has defaults for all else', () => {
  deepEqual(
    sourcesOf({
      redis: { command: { dump: ['redis-dump', '-x'], restore: 'redis-cli --pipe' } },
      graph: {
        command: { dump: 'dump', directory: 'db', environment: { A: '' }, timeoutSeconds: 5 },
      },
    }),
    [
      {
        kind: 'command',
        name: 'redis',
        dump: ['redis-dump', '-x'],
        restore: 'redis-cli --pipe',
        directory: '.',
        environment: {},
        timeoutSeconds: 3600,
      },
      {
        kind: 'command',
        name: 'graph',
        dump: 'dump',
        restore: null,
        directory: 'db',
        environment: { A: '' },
        timeoutSeconds: 5,
      },
    ],
  )
})

test('what is wrong with a source is told at its place', () => {
  const source = `{
  "sources": {
    "a b": { "files": { "root": "x" } },
    "none": {},
    "both": { "files": { "root": "x" }, "command": { "dump": "x" } },
    "rootless": { "files": { "patterns": ["**"] } },
    "outside": { "files": { "root": "x", "patterns": ["../y", "/etc/**", "!z"] } },
    "nothing": { "files": { "root": "x", "patterns": [] } },
    "mute": { "command": { "restore": [] } },
    "slow": { "command": { "dump": ["x", 1], "timeoutSeconds": "1h", "environment": { "A": 1 } } },
    "odd": { "file": { "root": "x" } }
  }
}`
  deepEqual(problemsOf(source), [
    'c.json:3:5: sources.a b is no name for a source: letters, digits, dots, dashes and underscores',
    'c.json:4:13: sources.none must have either files or command',
    'c.json:5:13: sources.both must have either files or command',
    'c.json:6:28: sources.rootless.files must have a root: the directory the files are in',
    'c.json:7:55: sources.outside.files.patterns[0] must be a pattern relative to the root, which leads nowhere else, found "../y"',
    'c.json:7:63: sources.outside.files.patterns[1] must be a pattern relative to the root, which leads nowhere else, found "/etc/**"',
    'c.json:8:42: sources.nothing.files.patterns must have at least one pattern',
    'c.json:9:26: sources.mute.command must have a dump: the command whose stdout is committed',
    'c.json:9:39: sources.mute.command.restore must be a program and its arguments, found a list',
    'c.json:10:42: sources.slow.command.dump[1] must be a string that is not empty, found 1',
    'c.json:10:64: sources.slow.command.timeoutSeconds must be a number of seconds, found "1h"',
    'c.json:10:92: sources.slow.command.environment.A must be a string, found 1',
    'c.json:11:12: sources.odd must have either files or command',
    'c.json:11:14: sources.odd.file is not a key that snap knows; did you mean files?',
  ])
})

function problemsOf(source: string): string[] {
  try {
    parseConfig(source, 'c.json')
  } catch (error) {
    if (!isSnapError(error, 'CONFIG_INVALID')) throw error
    return error.data.problems.map((problem) => formatConfigProblem(error.data.file, problem))
  }
  return []
}

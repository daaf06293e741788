import { readFile } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { ALL_COMMANDS } from './commands/all-commands.ts'
import type { Context } from './context.ts'
import { EXIT_CODE_MEANINGS, ExitCode } from './exit-codes.ts'
import type { ProgramIo } from './io.ts'
import { DATE_FORMATS } from './output/times.ts'

/** Makes the program with its global options and no commands yet: enough to see which command is meant. */
export async function createProgram(io: ProgramIo): Promise<Command> {
  const program = new Command('snap')
    .description('Git for the data in a PostgreSQL database.')
    .usage('[options] <command> [arguments]')
    .version(await readVersion(), '--version', 'print the version')
    .option('--database <url>', 'the database (else SNAP_DATABASE_URL, DATABASE_URL, .env, PG*)')
    .option('--store <directory>', 'the store (else SNAP_DIR, else .snap/ found upward)')
    .option('--json', 'print one JSON document instead of text')
    .addOption(
      new Option('--color <when>', 'colour the output')
        .choices(['auto', 'always', 'never'])
        .default('auto'),
    )
    .addOption(new Option('--date <format>', 'how times are written').choices(DATE_FORMATS))
    .option('--no-pager', 'print long results without a pager')
    .option('-q, --quiet', 'print results and errors only')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns || 80,
      getErrHelpWidth: () => io.stderr.columns || 80,
      // Usage errors are written with all the others, in `run`.
      outputError: () => {},
    })
    .addHelpText('after', PROGRAM_HELP)
  return program
}

/**
 * Adds the commands: the one that `argv` names with all it has, the others by name and summary only.
 *
 * @param argv  the arguments after `snap`
 */
export async function addCommands(
  program: Command,
  argv: readonly string[],
  context: Context,
): Promise<void> {
  const [first, second] = program.parseOptions([...argv]).operands
  const wanted = first === 'help' ? second : first
  for (const entry of ALL_COMMANDS) {
    const command = program.command(entry.name).summary(entry.summary)
    if (entry.name !== wanted) continue
    const define = await entry.load()
    define(command, context)
  }
}

async function readVersion(): Promise<string> {
  // Two levels up from dist/cli/program.js, one from cli/program.ts.
  for (const path of ['../package.json', '../../package.json']) {
    const text = await readFile(new URL(path, import.meta.url), 'utf8').catch(() => undefined)
    if (text !== undefined) return (JSON.parse(text) as { version: string }).version
  }
  throw new Error('package.json was not found beside the program')
}

const PROGRAM_HELP = `
A first session:
  snap init                           make .snap/ for the database of this directory
  snap commit -m "before migration"   commit everything in it
  snap checkout HEAD                  …and get it back

Revisions are written as in git: HEAD~2, main@{1}, a branch, a tag, the beginning of an id.
Results go to stdout, progress and messages to stderr. An error under --json is one line
on stderr with the keys code, message, hint, data, exitCode.

Exit codes:
${Object.values(ExitCode)
  .map((code) => `  ${String(code).padStart(3)}  ${EXIT_CODE_MEANINGS[code]}`)
  .join('\n')}`

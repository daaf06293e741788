import { readFile } from 'node:fs/promises'
import { Command, CommanderError, Option } from 'commander'
import { ALL_COMMANDS } from './commands/all-commands.ts'
import type { Context } from './context.ts'
import { EXIT_CODE_MEANINGS, ExitCode } from './exit-codes.ts'
import { HELP_TOPICS } from './help-topics.ts'
import type { ProgramIo } from './io.ts'
import { ERROR_SCHEMA_NAME, readSchemaText } from './json-schemas.ts'
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
    .option('--json-schema', 'print the JSON Schema of what --json prints')
    .addOption(
      new Option('--color <when>', 'colour the output')
        .choices(['auto', 'always', 'never'])
        .default('auto'),
    )
    .addOption(new Option('--date <format>', 'how times are written').choices(DATE_FORMATS))
    .option('--no-pager', 'print long results without a pager')
    .option('-q, --quiet', 'print results and errors only')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
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
  defineHelp(program, context)
  if (wanted === COMPLETE_COMMAND) {
    const { defineComplete } = await import('./completion/complete-command.ts')
    defineComplete(program.command(COMPLETE_COMMAND, { hidden: true }), context)
  }
  // As --version does: printed as soon as it is read, whatever else is on the command line or missing.
  program.on('option:json-schema', () => {
    context.io.stdout.write(readSchemaText(schemaNameOf(program, wanted)))
    throw new CommanderError(ExitCode.done, 'commander.version', '')
  })
}

function schemaNameOf(program: Command, command: string | undefined): string {
  if (command === undefined) return ERROR_SCHEMA_NAME
  if (ALL_COMMANDS.some(({ name }) => name === command)) return command
  return program.error(`error: there is no schema of '${command}'`)
}

function defineHelp(program: Command, context: Context): void {
  program
    .command('help')
    .argument('[topic]', 'a command, or one of the topics')
    .summary('show help for a command, or on a topic')
    .description(
      "Shows the help of a command, as --help does, or a topic's text; alone, what there is.",
    )
    .addHelpText('after', ['', 'Topics:', ...TOPIC_LINES].join('\n'))
    .action(async (name: string | undefined) => {
      if (name === undefined) return program.outputHelp()
      const command = program.commands.find((each) => each.name() === name)
      if (command !== undefined) return command.outputHelp()
      const { showTopic } = await import('./show-topic.ts')
      await showTopic(context, name)
    })
}

async function readVersion(): Promise<string> {
  // Two levels up from dist/cli/program.js, one from cli/program.ts.
  for (const path of ['../package.json', '../../package.json']) {
    const text = await readFile(new URL(path, import.meta.url), 'utf8').catch(() => undefined)
    if (text !== undefined) return (JSON.parse(text) as { version: string }).version
  }
  throw new Error('package.json was not found beside the program')
}

/** Asked by the shells: `snap __complete bash -- WORDS`. */
export const COMPLETE_COMMAND = '__complete'

const TOPIC_LINES = HELP_TOPICS.map(({ name, summary }) => `  ${name.padEnd(14)}${summary}`)

const PROGRAM_HELP = `
Topics, for 'snap help TOPIC':
${TOPIC_LINES.join('\n')}

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

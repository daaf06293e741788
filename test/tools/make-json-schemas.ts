/**
 * Makes the JSON Schemas of what `--json` prints out of the types that the commands print.
 *
 * `snap log` prints what `LogJson` of `cli/commands/log.ts` says, and `output.json<LogJson>` has the
 * compiler hold it to that; the schema is that type written down for others.
 */
import { join } from 'node:path'
import { createGenerator, type SchemaGenerator } from 'ts-json-schema-generator'
import { ERROR_SCHEMA_NAME } from '../../cli/json-schemas.ts'
import { CONFIG_SCHEMA } from '../../src/index.ts'
import { root } from '../guard/source-files.ts'

/** What a command has to export for its schema: `rev-parse` → `RevParseJson`. */
export function schemaTypeOf(command: string): string {
  const words = command.split('-').map((word) => word[0]!.toUpperCase() + word.slice(1))
  return `${words.join('')}Json`
}

/**
 * Returns the text of the schema of each command, of errors, and of the configuration file.
 *
 * @throws Error  a command exports no such type; the message says what to do
 */
export function makeJsonSchemas(commands: readonly string[]): Map<string, string> {
  const generator = createGenerator({
    path: join(root, 'cli/{commands/*,output/error-text}.ts'),
    tsconfig: join(root, 'tsconfig.json'),
    // The compiler of the project has done that, and is of another major version.
    skipTypeCheck: true,
    expose: 'none',
    topRef: false,
    jsDoc: 'extended',
    additionalProperties: false,
    sortProps: false,
  })
  const schemas = commands.map((name) => [name, makeSchema(generator, name)] as const)
  return new Map([
    ...schemas,
    [ERROR_SCHEMA_NAME, format(generator, 'ErrorJson', 'an error')],
    ['snap.config', makeConfigSchema()],
  ])
}

function makeSchema(generator: SchemaGenerator, command: string): string {
  const type = schemaTypeOf(command)
  try {
    return format(generator, type, `snap ${command}`)
  } catch (error) {
    // Not as the cause: it holds the whole syntax tree, which no report of a test can print.
    const reason = String(error).split('\n', 1)[0]
    throw new Error(
      `snap ${command} has no schema: have cli/commands/${command}.ts export the type '${type}' of ` +
        `what it prints, print with output.json<${type}>(…), and run ` +
        `npx vitest run test/guard/json-schemas.test.ts -u (${reason})`,
    )
  }
}

/** Of the configuration file, for editors. */
function makeConfigSchema(): string {
  const schema = { $schema: 'http://json-schema.org/draft-07/schema#', ...CONFIG_SCHEMA }
  return `${JSON.stringify(schema, (key, value) => (key === 'keyName' ? undefined : value), 2)}\n`
}

function format(generator: SchemaGenerator, type: string, what: string): string {
  const { $schema, definitions = {}, ...schema } = generator.createSchema(type)
  const shared = Object.keys(definitions).length === 0 ? {} : { definitions }
  return `${JSON.stringify({ $schema, $comment: `What --json prints of ${what}.`, ...schema, ...shared }, null, 2)}\n`
}

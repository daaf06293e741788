/**
 * The published schemas of what `--json` prints, as JSON Schema draft 7.
 *
 * They are made of the commands' types by `test/tools/make-json-schemas.ts`, and never by hand.
 */
import { readFileSync } from 'node:fs'

/** The schema of the line that an error prints, whichever command fails. */
export const ERROR_SCHEMA_NAME = 'error'

export interface JsonSchema {
  $ref?: string
  title?: string
  description?: string
  anyOf?: JsonSchema[]
  properties?: Record<string, JsonSchema>
  definitions?: Record<string, JsonSchema>
}

/** Returns the text of a schema: of a command by its name, or of errors. */
export function readSchemaText(name: string): string {
  return readFileSync(new URL(`./schemas/${name}.json`, import.meta.url), 'utf8')
}

export function readSchema(name: string): JsonSchema {
  return JSON.parse(readSchemaText(name)) as JsonSchema
}

/** Names the keys of a document: on one line, or where uses print different ones, on one for each. */
export function describeKeys(schema: JsonSchema): string[] {
  const resolved = resolve(schema, schema)
  const variants = (resolved.anyOf ?? [resolved]).map((each) => resolve(each, schema))
  return variants.map((variant) => {
    const keys = Object.keys(variant.properties ?? {}).join(', ')
    const what = keys === '' ? (variant.description ?? '') : keys
    return variants.length > 1 && variant.title !== undefined ? `${variant.title}: ${what}` : what
  })
}

function resolve(schema: JsonSchema, root: JsonSchema): JsonSchema {
  if (schema.$ref === undefined) return schema
  const name = decodeURIComponent(schema.$ref.slice('#/definitions/'.length))
  const { $ref: _, ...own } = schema
  return { ...resolve(root.definitions![name]!, root), ...own }
}

/**
 * Holds what commands print against the published schemas, by a validator that others use too.
 */
import { Ajv, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'
import { readSchema } from '../../cli/json-schemas.ts'

const ajv = new Ajv({ allErrors: true, allowUnionTypes: true })
formats.default(ajv)
const validators = new Map<string, ValidateFunction>()

/** Returns what a document is not of what its schema says, each with its place. */
export function schemaProblems(name: string, document: unknown): string[] {
  const validate = validators.get(name) ?? ajv.compile(readSchema(name))
  validators.set(name, validate)
  if (validate(document)) return []
  return validate.errors!.map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  )
}

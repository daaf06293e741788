/**
 * What a value of a configuration file may be, as JSON Schema draft 7 says it.
 *
 * `keyName` is ours: what the keys of a map are, for people (`<table>`). Validators pass it over.
 */
export interface ValueSchema {
  type?: 'object' | 'array' | 'string' | 'number' | 'boolean'
  description?: string
  default?: unknown
  const?: unknown
  anyOf?: readonly ValueSchema[]
  properties?: Readonly<Record<string, ValueSchema>>
  required?: readonly string[]
  minProperties?: number
  maxProperties?: number
  additionalProperties?: false | ValueSchema
  propertyNames?: { pattern: string }
  keyName?: string
  items?: ValueSchema
  minItems?: number
  minLength?: number
  pattern?: string
  minimum?: number
  exclusiveMinimum?: number
  maximum?: number
}

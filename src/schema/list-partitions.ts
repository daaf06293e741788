import type { SchemaEntry } from '../format/values.ts'
import { unquoteIdentifier } from './sql-text.ts'

interface TableName {
  namespace: string
  name: string
}

export interface Partition {
  parent: TableName
  partition: TableName
}

const IDENTIFIER = String.raw`("(?:[^"]|"")*"|[^\s"().,;]+)`
const ATTACHMENT = new RegExp(
  String.raw`^ALTER TABLE (?:ONLY )?${IDENTIFIER}\.${IDENTIFIER} ATTACH PARTITION ${IDENTIFIER}\.${IDENTIFIER}\s`,
  'u',
)

/** Returns which table is a partition of which, of one level each. Pure. */
export function listPartitions(entries: readonly SchemaEntry[]): Partition[] {
  return entries
    .filter(({ kind }) => kind === 'TABLE ATTACH')
    .flatMap(({ definition }) => {
      const match = ATTACHMENT.exec(definition?.trim() ?? '')
      if (match === null) return []
      const [namespace, name, childNamespace, childName] = match.slice(1).map(unquoteIdentifier)
      return [
        {
          parent: { namespace: namespace!, name: name! },
          partition: { namespace: childNamespace!, name: childName! },
        },
      ]
    })
}

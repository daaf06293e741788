import { type CommittedSource, SnapError } from '../src/index.ts'

const SOURCE_OF_REVISION = /^(.+?):source:([^/:]+)(?:\/(.*))?$/s

export interface SourceArgument {
  revision: string
  name: string
  /** Of a file or directory of it; empty for all. */
  path: string
}

/** Reads `REVISION:source:NAME` or `REVISION:source:NAME/PATH`; undefined where it is not written like that. */
export function parseSourceArgument(text: string): SourceArgument | undefined {
  const match = SOURCE_OF_REVISION.exec(text)
  if (match === null) return undefined
  const [, revision, name, path = ''] = match
  return { revision: revision!, name: name!, path: path.replace(/\/+$/, '') }
}

/** @throws USAGE  the commit holds no source of that name */
export function findSource(
  sources: readonly CommittedSource[],
  { revision, name }: SourceArgument,
): CommittedSource {
  const source = sources.find((each) => each.name === name)
  if (source !== undefined) return source
  const names = sources.map((each) => each.name).join(', ')
  throw new SnapError(
    'USAGE',
    `there is no source '${name}' in '${revision}'`,
    { argument: 'table' },
    { hint: names === '' ? 'the commit holds PostgreSQL alone' : `it holds: ${names}` },
  )
}

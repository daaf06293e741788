import type {
  CommitEstimate,
  DatabaseSummary,
  Diagnosis,
  GrantPlan,
  NearAddress,
  SnapError,
} from '../../src/index.ts'
import { printable } from './printable.ts'
import { formatQuantity, formatSize } from './units.ts'

/** Whose database it is, what commits will hold of it, and what they will not. */
export function formatSummary(
  summary: DatabaseSummary,
  leftOut: readonly Diagnosis[],
  estimate: CommitEstimate | null,
): string[] {
  const rows = formatQuantity(summary.estimatedRowCount, 'row')
  return [
    `Database: ${printable(summary.address)} (PostgreSQL ${printable(summary.serverVersion)}), ` +
      `named by ${printable(summary.source)}`,
    'Commits will hold everything in it: ' +
      `${formatQuantity(summary.tableCount, 'table')}, about ${rows}, ` +
      `${formatSize(summary.sizeBytes)} on the server`,
    ...formatRest(summary),
    ...leftOut.map(({ finding }) => `  not in them: ${printable(finding)}`),
    ...(estimate === null
      ? []
      : [
          `The first takes ${formatRoughDuration(estimate.elapsedMs)} ` +
            `and about ${formatSize(estimate.storedSizeBytes)} of disk`,
        ]),
  ]
}

function formatRest(summary: DatabaseSummary): string[] {
  const counts: [number, string][] = [
    [summary.sequenceCount, 'sequence'],
    [summary.viewCount, 'view'],
    [summary.functionCount, 'function'],
    [summary.largeObjectCount, 'large object'],
  ]
  const { schemas, extensions } = summary
  const parts = counts
    .filter(([count]) => count > 0)
    .map(([count, name]) => formatQuantity(count, name))
  const lines = parts.length === 0 ? [] : [`  with ${parts.join(', ')}`]
  if (schemas.length > 1) {
    const named = schemas.map(({ name, tableCount }) => `${printable(name)} (${tableCount})`)
    lines.push(`  in ${formatQuantity(schemas.length, 'schema')}: ${listSome(named)}`)
  }
  if (extensions.length > 0) {
    lines.push(`  with extensions: ${listSome(extensions.map(printable))}`)
  }
  return lines
}

const SHOWN_NAMES = 8
function listSome(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN_NAMES).join(', ')
  return names.length > SHOWN_NAMES ? `${shown} and ${names.length - SHOWN_NAMES} more` : shown
}

/** As coarse as a guess is: `a second or two`, `about 40 s`, `about 3 min`. */
export function formatRoughDuration(elapsedMs: number): string {
  const seconds = elapsedMs / 1000
  if (seconds < 2) return 'a second or two'
  if (seconds < 10) return 'some seconds'
  if (seconds < 55) return `about ${Math.ceil(seconds / 10) * 10} s`
  const minutes = Math.max(1, Math.round(seconds / 60))
  if (minutes < 90) return `about ${minutes} min`
  return `about ${Math.round(minutes / 60)} h`
}

/** What is missing, and the statements that give it. */
export function formatGrants(grants: readonly GrantPlan[], role: string): string[] {
  if (grants.length === 0) return []
  const isReadingOnly = grants.every(({ statements }) =>
    statements.every((statement) => /^GRANT (?:USAGE|SELECT) ON (?!LARGE)/.test(statement)),
  )
  return [
    `A commit will be refused: ${grants.map(({ missing }) => printable(missing)).join('; ')}`,
    'Have a superuser, or the owner, run:',
    ...grants.flatMap(({ statements }) => statements.map((each) => `  ${printable(each)}`)),
    ...(isReadingOnly
      ? [
          'or, for everything there is and will be:',
          `  GRANT pg_read_all_data TO ${printable(`"${role.replaceAll('"', '""')}"`)};`,
        ]
      : []),
  ]
}

/** Why no database was looked at. */
export function formatProblem(problem: SnapError): string[] {
  const lines = [`warning: ${printable(problem.message)}`]
  if (problem.hint !== undefined) lines.push(`hint: ${printable(problem.hint)}`)
  return lines
}

/** Databases that nobody has named, for whoever wants one of them. */
export function formatNear(near: readonly NearAddress[]): string[] {
  if (near.length === 0) return []
  const shown = near.slice(0, SHOWN_NAMES)
  return [
    'near are:',
    ...shown.map(
      ({ address, foundIn }) => `  --database '${printable(address)}'   (${printable(foundIn)})`,
    ),
    ...(near.length > shown.length ? [`  and ${near.length - shown.length} more`] : []),
  ]
}

import { type Finding, type FsckReport, shortId } from '../../src/store-index.ts'
import type { Colors } from './colors.ts'
import { printable } from './printable.ts'
import { formatCount, formatQuantity, formatSize } from './units.ts'

/** Each finding, then the verdict and what was read for it. */
export function formatFsckReport({ findings, totals }: FsckReport, colors: Colors): string[] {
  const checked =
    `${formatQuantity(totals.commitCount, 'commit')}, ` +
    (totals.prunedCommitCount === 0 ? '' : `${formatCount(totals.prunedCommitCount)} pruned, `) +
    `${formatQuantity(totals.objectCount, 'object')} in ` +
    `${formatQuantity(totals.packCount, 'pack')}, ${formatSize(totals.sizeBytes)}`
  const verdict =
    findings.length === 0
      ? colors.green('No problems found')
      : colors.red(`${formatQuantity(findings.length, 'problem')} found`)
  return [
    ...findings.flatMap((finding) => describeFinding(finding, colors)),
    `${verdict}: ${checked}`,
  ]
}

function describeFinding(finding: Finding, colors: Colors): string[] {
  const paint = finding.severity === 'must' ? colors.red : colors.yellow
  const { key, message } = finding
  const file = key === undefined || message.includes(key) ? '' : `${key}: `
  const affected = finding.affects.map(shortId).join(', ')
  return [
    `${paint(finding.code)} ${printable(file + message)}`,
    ...(affected === '' ? [] : [`  affects ${affected}`]),
  ]
}

import type { Commit, ObjectId, Tree } from '../../src/index.ts'
import type { Decoration } from '../names.ts'
import type { Colors } from './colors.ts'
import { formatField } from './field.ts'
import { printable } from './printable.ts'
import type { TextStyle } from './text-style.ts'
import { formatTimeAndAge } from './times.ts'
import { formatQuantity, formatSize } from './units.ts'

/** The first line of a commit's message. */
export function titleOf(commit: Commit): string {
  return printable(commit.message.split('\n', 1)[0]!)
}

/** `commit <id> (HEAD -> main, tag: v1)`. */
export function formatCommitLine(
  id: ObjectId,
  names: readonly Decoration[],
  colors: Colors,
): string {
  return `${colors.yellow(`commit ${id}`)}${formatNames(names, colors)}`
}

/** ` (HEAD -> main, tag: v1)`, or nothing when no ref points there. */
export function formatNames(names: readonly Decoration[], colors: Colors): string {
  if (names.length === 0) return ''
  const painted = names.map((name) => paintName(name, colors)).join(colors.yellow(', '))
  return ` ${colors.yellow('(')}${painted}${colors.yellow(')')}`
}

/** As git paints them: HEAD cyan, branches green, tags yellow; pins are ours. */
function paintName({ kind, text }: Decoration, colors: Colors): string {
  const { bold, cyan, green, magenta, red, yellow } = colors
  const paint = { head: cyan, branch: green, tag: yellow, pin: magenta, ref: red }[kind]
  const [head, branch] = kind === 'head' ? text.split(' -> ') : []
  if (branch === undefined) return bold(paint(printable(text)))
  return bold(cyan(`${head} -> `) + green(printable(branch)))
}

/** Who and when, as git writes them. */
export function formatAuthorAndDate(commit: Commit, { clock }: Pick<TextStyle, 'clock'>): string[] {
  const { name, email } = commit.author
  return [
    formatField('Author', `${printable(name)} <${printable(email)}>`),
    formatField('Date', formatTimeAndAge(new Date(commit.createdAt), clock)),
  ]
}

/** The message, indented, after an empty line. */
export function formatMessage(commit: Commit): string[] {
  return ['', ...commit.message.split('\n').map((line) => `    ${printable(line)}`.trimEnd())]
}

/** `alembic 1a2b3c, 4d5e6f`, one line a tool. */
export function formatMigrations(commit: Commit): string[] {
  return commit.migrations.map((migration) =>
    formatField(
      'Migration',
      `${printable(migration.tool)} ${migration.heads.map(printable).join(', ')}`,
    ),
  )
}

export interface TreeTotals {
  tableCount: number
  rowCount: number
  sizeBytes: number
}

/** Rows and bytes of all tables of a tree, extensions' configuration tables included. */
export function totalsOf(tree: Tree): TreeTotals {
  let rowCount = 0
  let sizeBytes = 0
  for (const { rows } of tree.tables) {
    rowCount += rows?.rowCount ?? 0
    sizeBytes += rows?.sizeBytes ?? 0
  }
  return { tableCount: tree.tables.length, rowCount, sizeBytes }
}

/** `12 tables, 1,234 rows, 45.6 MiB`. */
export function formatTotals(totals: TreeTotals): string {
  return (
    `${formatQuantity(totals.tableCount, 'table')}, ${formatQuantity(totals.rowCount, 'row')}, ` +
    formatSize(totals.sizeBytes)
  )
}

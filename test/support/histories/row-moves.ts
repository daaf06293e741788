/** Random changes to rows, sequences and large objects. */
import type { ColumnFacts, DatabaseFacts, TableFacts } from './facts.ts'
import type { Picks } from './picks.ts'

/** Returns SQL, or undefined when the database has nothing that the change could be about. */
export type Move = (facts: DatabaseFacts, pick: Picks) => string | undefined

/** An expression of the row number `g` for a column's value; undefined for one that is left to its default. */
function valueFor(
  { type, isGenerated, isIdentity, hasDefault }: ColumnFacts,
  salt: number,
  facts: DatabaseFacts,
): string | undefined {
  if (isGenerated || isIdentity) return undefined
  if (hasDefault && salt % 2 === 0) return undefined
  const known = VALUES[type.replace(/\(.*\)/, '')]
  if (known !== undefined) return known(salt)
  const own = facts.types.find(({ name }) => name === type)
  if (own?.kind === 'e') return `(enum_range(NULL::${type}))[1 + g % 2]`
  if (own?.kind === 'd') return `(g % 7)::text::${type}`
  return undefined
}

const VALUES: Readonly<Record<string, (salt: number) => string>> = {
  integer: (salt) => `g * ${1 + (salt % 3)} + ${salt % 50}`,
  bigint: (salt) => `g::bigint * 1000000007 + ${salt}`,
  smallint: () => 'g % 30000',
  numeric: (salt) => `g / ${7 + (salt % 3)}.0`,
  text: (salt) => `md5((g + ${salt % 40})::text)`,
  'character varying': (salt) => `'v' || g || '-${salt % 40}'`,
  boolean: (salt) => `CASE (g + ${salt % 3}) % 3 WHEN 0 THEN true WHEN 1 THEN false END`,
  date: (salt) => `DATE '2024-01-01' + g % ${50 + (salt % 300)}`,
  'timestamp with time zone': () =>
    `TIMESTAMPTZ '2024-01-01 12:00:00Z' + g * INTERVAL '37 minutes'`,
  jsonb: (salt) => `jsonb_build_object('g', g, 'text', repeat('"x\\', ${salt % 4}))`,
  bytea: (salt) => `decode(md5((g + ${salt})::text), 'hex')`,
  'integer[]': () => 'ARRAY[g, NULL, g + 1]',
  uuid: (salt) => `md5((g + ${salt})::text)::uuid`,
}

/** Rows of a shape that the table takes, as far as can be told from its columns. */
export function insertInto(table: TableFacts, rows: number, salt: number, facts: DatabaseFacts) {
  const filled = table.columns.flatMap((column, position) => {
    const value = valueFor(column, salt + position, facts)
    return value === undefined ? [] : [{ name: column.name, value }]
  })
  // Partition bounds end at 400; a primary key that is taken already is passed over.
  const first = salt % 97
  const source = `generate_series(${first}, ${first + rows - 1}) g`
  if (filled.length === 0) return `INSERT INTO ${table.name} SELECT FROM ${source}`
  const columns = filled.map(({ name }) => name).join(', ')
  const values = filled.map(({ value }) => value).join(', ')
  return `INSERT INTO ${table.name} (${columns}) SELECT ${values} FROM ${source} ON CONFLICT DO NOTHING`
}

const someRows = (pick: Picks) => `hashtext(t::text) % ${pick.of([2, 3, 5, 40])} = 0`

const ROW_COUNTS = [1, 3, 20, 200, 6000]

export const rowMoves = {
  insertRows: ({ tables, ...facts }, pick) => {
    const table = pick.from(tables)
    return table && insertInto(table, pick.of(ROW_COUNTS), pick.below(1000), { tables, ...facts })
  },
  insertMoreRows: ({ tables, ...facts }, pick) => {
    const table = pick.from(tables)
    return table && insertInto(table, pick.of(ROW_COUNTS), pick.below(1000), { tables, ...facts })
  },
  updateRows: (facts, pick) => {
    const table = pick.from(facts.tables)
    const column = table && pick.from(table.columns)
    const value = column && valueFor(column, 1 + 2 * pick.below(50), facts)
    if (value === undefined) return undefined
    const value7 = value.replaceAll(/\bg\b/g, `(${pick.below(300)})`)
    return `UPDATE ${table!.name} t SET ${column!.name} = ${value7} WHERE ${someRows(pick)}`
  },
  setNull: ({ tables }, pick) => {
    const table = pick.from(tables)
    const column = table && pick.from(table.columns.filter(({ isNotNull }) => !isNotNull))
    return column && `UPDATE ${table!.name} t SET ${column.name} = NULL WHERE ${someRows(pick)}`
  },
  deleteRows: ({ tables }, pick) => {
    const table = pick.from(tables)
    return table && `DELETE FROM ${table.name} t WHERE ${someRows(pick)}`
  },
  duplicateRows: ({ tables }, pick) => {
    const table = pick.from(tables)
    const columns = table?.columns.filter(
      ({ isGenerated, isIdentity }) => !isGenerated && !isIdentity,
    )
    const list = columns?.map(({ name }) => name).join(', ')
    return (
      list &&
      `INSERT INTO ${table!.name} (${list}) SELECT ${list} FROM ${table!.name} LIMIT 50 ON CONFLICT DO NOTHING`
    )
  },
  truncate: ({ tables }, pick) => {
    const table = pick.from(tables)
    return table && `TRUNCATE ${table.name} ${pick.of(['', 'CASCADE', 'RESTART IDENTITY CASCADE'])}`
  },
  refresh: ({ materializedViews }, pick) => {
    const view = pick.from(materializedViews)
    return view && `REFRESH MATERIALIZED VIEW ${view.name} ${pick.of(['', 'WITH NO DATA', ''])}`
  },
  useSequence: ({ sequences }, pick) => {
    const sequence = pick.from(sequences)
    if (sequence === undefined) return undefined
    const literal = `'${sequence.replaceAll("'", "''")}'`
    return pick.oneIn(3)
      ? `SELECT setval(${literal}, ${1 + pick.below(500)}, ${pick.oneIn(2)})`
      : `SELECT nextval(${literal}) FROM generate_series(1, ${1 + pick.below(40)})`
  },
  writeLargeObject: ({ largeObjects }, pick) => {
    const oid = pick.from(largeObjects)
    const actions = [
      `SELECT lo_from_bytea(0, convert_to(repeat('${pick.below(100)} ', ${pick.of([1, 10, 3000])}), 'UTF8'))`,
      ...(oid === undefined
        ? []
        : [
            `SELECT lo_put(${oid}, ${pick.of([0, 5, 4000])}, '\\x00ff')`,
            `SELECT lo_unlink(${oid})`,
            `COMMENT ON LARGE OBJECT ${oid} IS 'large ${pick.below(9)}'`,
            `GRANT SELECT ON LARGE OBJECT ${oid} TO snap_reader`,
          ]),
    ]
    return pick.of(actions)
  },
} satisfies Record<string, Move>

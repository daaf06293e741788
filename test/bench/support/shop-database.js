/**
 * A shop's database, as large as asked for and the same each time: short and long rows, keys that
 * ascend and keys that do not, JSON, text that is compressed out of line, and bytes that do not compress.
 */

/** What the whole takes as COPY text at scale 1. */
const MEGABYTES_AT_SCALE_1 = 930

const FUNCTIONS = `
  CREATE FUNCTION pick(i bigint, seed bigint, n bigint) RETURNS bigint IMMUTABLE PARALLEL SAFE LANGUAGE sql AS
    $$ SELECT (hashint8extended(i, seed) & 9223372036854775807) % n $$;
  CREATE FUNCTION share(i bigint, seed bigint) RETURNS float8 IMMUTABLE PARALLEL SAFE LANGUAGE sql AS
    $$ SELECT (hashint8extended(i, seed) & 9007199254740991)::float8 / 9007199254740992.0 $$;
  CREATE FUNCTION word(i bigint, seed bigint) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS
    $$ SELECT (ARRAY['amber','birch','cedar','dune','elm','fjord','glade','heath','iris','jade','kelp','larch','moss','nettle','oak','pine','quartz','reed','sedge','tarn','umber','vale','willow','yarrow'])[1 + pick(i, seed, 24)]
      || (ARRAY['','s','ing','ed','land','field','wood','er'])[1 + pick(i, seed + 1000, 8)] $$;
`

/** @type {readonly { name: string, rowsAtScale1: number, columns: string, query: string, indexes: readonly string[] }[]} */
const TABLES = [
  {
    name: 'customers',
    rowsAtScale1: 400_000,
    columns:
      'id bigint, email text NOT NULL, name text, country char(2), created_at timestamptz, balance numeric(12,2), settings jsonb',
    query: `SELECT i, word(i, 1) || '.' || word(i, 2) || i || '@example.org', initcap(word(i, 1)) || ' ' || initcap(word(i, 2)),
      (ARRAY['DE','FR','GB','IN','US'])[1 + pick(i, 3, 5)], timestamptz '2019-01-01' + i * interval '5 minutes', round((share(i, 4) * 1000)::numeric, 2),
      jsonb_build_object('theme', (ARRAY['dark','light'])[1 + pick(i, 5, 2)], 'lang', (ARRAY['en','de','fr'])[1 + pick(i, 6, 3)], 'notify', pick(i, 7, 2) = 1)`,
    indexes: [
      'ALTER TABLE customers ADD PRIMARY KEY (id)',
      'CREATE UNIQUE INDEX ON customers (email)',
    ],
  },
  {
    name: 'orders',
    rowsAtScale1: 1_000_000,
    columns:
      'id bigint, customer_id bigint, status text, total numeric(10,2), created_at timestamptz, ship_to text',
    query: `SELECT i, 1 + floor(:customers * power(share(i, 10), 1.5))::bigint, (ARRAY['paid','shipped','delivered','cancelled'])[1 + pick(i, 11, 4)],
      round((5 + share(i, 12) * 400)::numeric, 2), timestamptz '2020-01-01' + i * interval '2 minutes', pick(i, 13, 999) || ' ' || initcap(word(i, 14)) || ' Street, ' || lpad(pick(i, 15, 100000)::text, 5, '0')`,
    indexes: [
      'ALTER TABLE orders ADD PRIMARY KEY (id)',
      'CREATE INDEX ON orders (customer_id)',
      'ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers',
    ],
  },
  {
    name: 'order_items',
    rowsAtScale1: 3_000_000,
    columns: 'order_id bigint, line_no int, sku text, quantity int, price numeric(10,2)',
    query: `SELECT 1 + i / 3, i % 3, 'SKU-' || lpad(floor(50000 * power(share(i, 20), 2))::text, 6, '0'), 1 + pick(i, 21, 5), round((1 + share(i, 22) * 200)::numeric, 2)`,
    indexes: [
      'ALTER TABLE order_items ADD PRIMARY KEY (order_id, line_no)',
      'ALTER TABLE order_items ADD FOREIGN KEY (order_id) REFERENCES orders',
    ],
  },
  {
    name: 'events',
    rowsAtScale1: 700_000,
    columns: 'id bigint, customer_id bigint, type text, at timestamptz, payload jsonb',
    query: `SELECT i, 1 + pick(i, 30, :customers), (ARRAY['page_view','click','search','purchase'])[1 + pick(i, 31, 4)], timestamptz '2023-01-01' + i * interval '1 minute',
      jsonb_build_object('request_id', md5('e' || i), 'path', '/' || word(i, 32) || '/' || pick(i, 33, 100000), 'referrer', 'https://example.com/' || word(i, 34) || '?from=' || word(i, 35),
        'duration_ms', pick(i, 36, 5000), 'status', (ARRAY[200,200,304,404,500])[1 + pick(i, 37, 5)], 'device', (ARRAY['ios','android','web'])[1 + pick(i, 38, 3)])`,
    indexes: [
      'ALTER TABLE events ADD PRIMARY KEY (id)',
      'CREATE INDEX ON events (customer_id, at)',
    ],
  },
  {
    name: 'sessions',
    rowsAtScale1: 500_000,
    columns: 'id uuid, customer_id bigint, token text, agent text, expires_at timestamptz',
    query: `SELECT md5('s' || i)::uuid, 1 + pick(i, 40, :customers), md5('t' || i), 'Mozilla/5.0 (X11; Linux x86_64) Firefox/' || 90 + pick(i, 41, 40) || '.0', timestamptz '2024-07-01' + i * interval '30 seconds'`,
    indexes: ['ALTER TABLE sessions ADD PRIMARY KEY (id)'],
  },
  {
    name: 'articles',
    rowsAtScale1: 15_000,
    columns: 'id bigint, slug text, body text, tags text[]',
    query: `SELECT i, word(i, 50) || '-' || i, (SELECT string_agg(word(i * 1000003 + k, 51), CASE WHEN k % 13 = 0 THEN E'.\\n' ELSE ' ' END ORDER BY k) FROM generate_series(1, 100 + pick(i, 52, 1500)) k), ARRAY[word(i, 53), word(i, 54)]`,
    indexes: ['ALTER TABLE articles ADD PRIMARY KEY (id)'],
  },
  {
    name: 'pictures',
    rowsAtScale1: 2_000,
    columns: 'id bigint, name text, data bytea',
    query: `SELECT i, 'picture-' || i, (SELECT string_agg(sha256((i || ':' || k)::bytea), ''::bytea ORDER BY k) FROM generate_series(1, 50 + pick(i, 60, 1500)) k)`,
    indexes: ['ALTER TABLE pictures ADD PRIMARY KEY (id)'],
  },
  {
    name: 'metrics',
    rowsAtScale1: 8_000_000,
    columns: 'id int, value int',
    query: 'SELECT i::int, floor(100000 * power(share(i, 70), 3))::int',
    indexes: ['ALTER TABLE metrics ADD PRIMARY KEY (id)'],
  },
]

/** What happens to the database between one snapshot and the next. @type {Readonly<Record<string, string>>} */
export const CHANGES = {
  'nothing changed': 'SELECT',
  '1 % of the orders updated': `UPDATE orders SET status = 'returned' WHERE pick(id, 80, 100) = 0`,
  '1 % of the events appended': `INSERT INTO events SELECT id + 100000000, customer_id, type, at, payload FROM events WHERE pick(id, 81, 100) = 0`,
}

/** Leaves no row as it was. */
export const UPDATE_EVERY_ROW = `
  UPDATE customers SET balance = balance + 1; UPDATE orders SET total = total + 1; UPDATE order_items SET price = price + 1;
  UPDATE events SET at = at + interval '1 second'; UPDATE sessions SET expires_at = expires_at + interval '1 second';
  UPDATE articles SET slug = slug || '-'; UPDATE pictures SET name = name || '-'; UPDATE metrics SET value = value + 1`

/** Names of the tables, in the order in which they are made. */
export const TABLE_NAMES = TABLES.map(({ name }) => name)

/**
 * Returns the SQL that makes the database.
 *
 * @param {number} megabytes  of COPY text, about
 */
export function shopDatabaseSql(megabytes) {
  const scale = megabytes / MEGABYTES_AT_SCALE_1
  const rowCountOf = (/** @type {number} */ rows) => Math.max(10, Math.round(rows * scale))
  const customers = String(rowCountOf(TABLES[0]?.rowsAtScale1 ?? 0))
  const filled = TABLES.map(({ name, rowsAtScale1, columns, query }) => {
    // Orders are what order items refer to: three items an order, and one order at the end without.
    const rowCount =
      name === 'order_items' ? 3 * (rowCountOf(1_000_000) - 1) : rowCountOf(rowsAtScale1)
    const rows = query.replaceAll(':customers', customers)
    return `CREATE TABLE ${name} (${columns});
      INSERT INTO ${name} ${rows} FROM generate_series(1::bigint, ${rowCount}) i;`
  })
  const indexed = TABLES.flatMap(({ indexes }) => indexes).map((statement) => `${statement};`)
  return [
    'SET max_parallel_workers_per_gather = 0; SET jit = off; SET synchronous_commit = off; SET maintenance_work_mem = 262144;',
    FUNCTIONS,
    ...filled,
    ...indexed,
  ].join('\n')
}

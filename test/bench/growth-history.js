/**
 * A database like those that teams have, and what happens to it.
 *
 * Numbers are drawn by hashing, so that every run makes the same rows.
 */

/** Numbers from 0 to below 1, and whole ones below `n`, by row and seed. */
const RANDOM = `
  CREATE FUNCTION r(i bigint, seed bigint) RETURNS float8 IMMUTABLE PARALLEL SAFE LANGUAGE sql AS
    $$ SELECT (hashint8extended(i, seed) & 9007199254740991)::float8 / 9007199254740992.0 $$;
  CREATE FUNCTION n(i bigint, seed bigint, n bigint) RETURNS bigint IMMUTABLE PARALLEL SAFE LANGUAGE sql AS
    $$ SELECT (hashint8extended(i, seed) & 9223372036854775807) % n $$;
  CREATE FUNCTION word(i bigint, seed bigint) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS
    $$ SELECT (ARRAY['stone','river','light','cloud','north','green','amber','quiet','field','maple','ocean','spark','tower','candle','winter','garden'])[1 + n(i, seed, 16)]
           || (ARRAY['','er','ly','ing','ward','less','ish','ful'])[1 + n(i, seed + 1, 8)] $$;`

/**
 * A table's rows from `first` to `last`, by name; the counts are for a scale of 1, 110 MB in all.
 *
 * @type {Record<string, { key: string, rowCount: number, columns: string, rows: string }>}
 */
export const TABLES = {
  customers: {
    key: 'id',
    rowCount: 50_000,
    columns:
      'id bigint PRIMARY KEY, email text, name text, country char(2), status text, seen_at timestamptz, balance numeric(12,2), settings jsonb',
    rows: `SELECT i, word(i, 1) || '.' || word(i, 3) || i || '@example.org', initcap(word(i, 1)) || ' ' || initcap(word(i, 5)),
      (ARRAY['DE','FR','US','GB','IN','BR'])[1 + n(i, 7, 6)], (ARRAY['active','active','invited','closed'])[1 + n(i, 8, 4)],
      timestamptz '2024-01-01' + r(i, 9) * interval '500 days', round((r(i, 10) * 1000)::numeric, 2),
      jsonb_build_object('theme', word(i, 11), 'language', 'de', 'notify', n(i, 12, 2) = 1)`,
  },
  orders: {
    key: 'id',
    rowCount: 120_000,
    columns:
      'id bigint PRIMARY KEY, customer_id bigint, status text, total numeric(10,2), ordered_at timestamptz, updated_at timestamptz, ship_to text',
    rows: `SELECT i, 1 + n(i, 20, 50000), (ARRAY['paid','shipped','delivered','cancelled'])[1 + n(i, 21, 4)], round((5 + r(i, 22) * 400)::numeric, 2),
      timestamptz '2020-01-01' + i * interval '2 minutes', timestamptz '2020-01-03' + i * interval '2 minutes' + r(i, 23) * interval '4 days',
      n(i, 24, 999) || ' ' || initcap(word(i, 25)) || ' Street, ' || lpad(n(i, 27, 100000)::text, 5, '0')`,
  },
  order_items: {
    key: 'order_id * 8 + line',
    rowCount: 300_000,
    columns:
      'order_id bigint, line int, sku text, quantity int, price numeric(10,2), PRIMARY KEY (order_id, line)',
    rows: `SELECT i / 3, i % 3, 'SKU-' || lpad(n(i, 30, 50000)::text, 6, '0'), 1 + n(i, 31, 5), round((1 + r(i, 32) * 200)::numeric, 2)`,
  },
  events: {
    key: 'id',
    rowCount: 60_000,
    columns: 'id bigint PRIMARY KEY, customer_id bigint, kind text, at timestamptz, payload jsonb',
    rows: `SELECT i, 1 + n(i, 40, 50000), (ARRAY['view','click','signup','search'])[1 + n(i, 41, 4)], timestamptz '2023-01-01' + i * interval '1 minute',
      jsonb_build_object('request', md5('e' || i), 'path', '/' || word(i, 42) || '/' || word(i, 44) || '/' || n(i, 46, 100000), 'ms', n(i, 47, 5000),
        'status', (ARRAY[200, 200, 304, 404])[1 + n(i, 48, 4)], 'address', '10.' || n(i, 49, 256) || '.' || n(i, 50, 256) || '.' || n(i, 51, 256),
        'device', (ARRAY['ios','android','web'])[1 + n(i, 52, 3)])`,
  },
  articles: {
    key: 'id',
    rowCount: 2_000,
    columns: 'id bigint PRIMARY KEY, title text, body text, tags text[], updated_at timestamptz',
    rows: `SELECT i, initcap(word(i, 60)) || ' ' || word(i, 62), (SELECT string_agg(word(i * 10007 + k, 64), ' ' ORDER BY k) FROM generate_series(1, 50 + n(i, 66, 1500)) k),
      ARRAY[word(i, 67), word(i, 69)], timestamptz '2022-01-01' + i * interval '1 hour'`,
  },
  sessions: {
    key: `('x' || left(id::text, 8))::bit(32)::bigint`,
    rowCount: 50_000,
    columns:
      'id uuid PRIMARY KEY, customer_id bigint, token text, address inet, agent text, expires_at timestamptz',
    rows: `SELECT md5('s' || i)::uuid, 1 + n(i, 70, 50000), md5('t' || i), ('10.' || n(i, 71, 256) || '.' || n(i, 72, 256) || '.1')::inet,
      'Mozilla/5.0 (X11; Linux x86_64) Firefox/' || 90 + n(i, 73, 40) || '.0', timestamptz '2024-07-01' + i * interval '30 seconds'`,
  },
  images: {
    key: 'id',
    rowCount: 250,
    columns: 'id bigint PRIMARY KEY, name text, data bytea',
    rows: `SELECT i, 'image-' || i || '.png', (SELECT string_agg(sha256((i || ':' || k)::bytea), ''::bytea ORDER BY k) FROM generate_series(1, 50 + n(i, 80, 1500)) k)`,
  },
  metrics: {
    key: 'id',
    rowCount: 1_000_000,
    columns: 'id int PRIMARY KEY, value int',
    rows: 'SELECT i, floor(100000 * power(r(i, 90), 3))::int',
  },
  documents: {
    key: 'id',
    rowCount: 40_000,
    columns: 'tenant_id uuid, id bigint PRIMARY KEY, name text, state text, amount numeric(10,2)',
    rows: `SELECT md5('tenant' || n(i, 100, 200))::uuid, i, word(i, 101) || ' ' || word(i, 103), (ARRAY['open','closed','draft'])[1 + n(i, 105, 3)], round((r(i, 106) * 10000)::numeric, 2)`,
  },
}

/** What an update of a row sets, as an application would. */
const UPDATES = {
  customers: 'seen_at = now(), balance = balance + 7',
  orders: `status = 'shipped', updated_at = now()`,
  order_items: 'quantity = quantity + 1',
  events: `payload = jsonb_set(payload, '{status}', '500')`,
  articles: `body = overlay(body placing 'edited' from 40), updated_at = now()`,
  sessions: `expires_at = expires_at + interval '1 hour'`,
  images: 'data = data || sha256(data)',
  metrics: 'value = value + 1',
  documents: `state = 'closed', amount = amount + 1`,
}

export const ADD_COLUMNS = `
  ALTER TABLE orders ADD COLUMN channel text DEFAULT 'web';
  ALTER TABLE customers ADD COLUMN plan int NOT NULL DEFAULT 1;`

/** @param {string} name @param {number} first @param {number} last */
const insertRows = (name, first, last) =>
  `INSERT INTO ${name} ${TABLES[name]?.rows} FROM generate_series(${first}::bigint, ${last}) i ORDER BY i;`

/** Makes the tables. @param {number} scale */
export function createStatements(scale) {
  const tables = Object.entries(TABLES).map(
    ([name, { columns, rowCount }]) =>
      `CREATE TABLE ${name} (${columns}); ${insertRows(name, 1, Math.round(rowCount * scale))}`,
  )
  return [RANDOM, ...tables].join('\n')
}

/**
 * What happens between one snapshot and the next. Random rows are chosen anew by each step's seed.
 *
 * @param {number} scale
 * @returns {{ name: string, sql: string, isReload?: boolean }[]}
 */
export function listSteps(scale) {
  const each = (/** @type {(name: string) => string} */ write) =>
    Object.keys(TABLES).map(write).join('\n')
  const update = (/** @type {number} */ seed, /** @type {number} */ oneOf) =>
    each(
      (name) =>
        `UPDATE ${name} SET ${UPDATES[/** @type {keyof typeof UPDATES} */ (name)]} WHERE n(${TABLES[name]?.key}, ${seed}, ${oneOf}) = 0;`,
    )
  const append = each((name) => {
    const rowCount = Math.round((TABLES[name]?.rowCount ?? 0) * scale)
    return insertRows(name, rowCount + 1, Math.round(rowCount * 1.01))
  })
  return [
    { name: 'append 1 %', sql: append },
    { name: 'update 0.1 %', sql: update(301, 1000) },
    { name: 'update 1 %', sql: update(302, 100) },
    { name: 'update 5 %', sql: update(303, 20) },
    { name: 'one column', sql: `UPDATE orders SET updated_at = updated_at + interval '1 day';` },
    {
      name: 'delete 1 %',
      sql: each((name) => `DELETE FROM ${name} WHERE n(${TABLES[name]?.key}, 304, 100) = 0;`),
    },
    {
      name: 'cluster, vacuum full',
      sql: each(
        (name) =>
          `${name === 'events' ? 'VACUUM FULL events' : `CLUSTER ${name} USING ${name}_pkey`};`,
      ),
    },
    { name: 'add column', sql: ADD_COLUMNS },
    { name: 'dump+restore', sql: '', isReload: true },
  ]
}

/** Values as commands show them, with fixed times and ids: names in several scripts, long ones among them. */
import type { Decoration } from '../../../cli/names.ts'
import type { LogEntry } from '../../../cli/output/log-text.ts'
import type {
  CheckoutPlan,
  CheckoutResult,
  Commit,
  Diagnosis,
  FsckReport,
  GcPlan,
  LoadResult,
  MigrationStatus,
  ObjectId,
  Operation,
  PrunePlan,
  StateDiff,
  StoreStats,
  TableChange,
  Tree,
} from '../../../src/index.ts'

export const idOf = (n: number) => (n * 0x9e3779b1).toString(16).padEnd(64, '0') as ObjectId

const LONG_NAME = 'a_table_whose_name_is_as_long_as_postgresql_lets_a_name_be_63chr'

export function commitAt(minutesAgo: number, message: string, more: Partial<Commit> = {}): Commit {
  return {
    treeId: idOf(9000),
    parentIds: [idOf(8000)],
    purpose: 'user',
    message,
    author: { name: 'Ada Lovelace', email: 'ada@example.org' },
    createdAt: new Date(Date.UTC(2026, 2, 1, 12) - minutesAgo * 60_000).toISOString(),
    database: {
      name: 'shop',
      systemIdentifier: '7710653744594517312',
      serverVersion: '18.4',
      serverVersionNumber: 180004,
      encoding: 'UTF8',
      collate: 'C.UTF-8',
      ctype: 'C.UTF-8',
      lsn: '0/178CEB0',
      snapshotAt: '2026-03-01T12:00:00.000Z',
    },
    tools: { snap: '0.1.0', pgDump: '18.3' },
    selection: {
      tables: [],
      excludeTables: ['log.*'],
      excludeTableData: [],
      schemas: [],
      excludeSchemas: [],
    },
    catalog: NO_ROWS,
    notCaptured: [
      { kind: 'FOREIGN TABLE', name: 'remote.rates', reason: 'its rows are elsewhere' },
    ],
    migrations: [{ tool: 'alembic', table: 'public.alembic_version', heads: ['ae1027a6acf'] }],
    git: { branch: 'main', commit: 'f00dfacef00dfacef00dfacef00dfacef00dface' },
    ...more,
  }
}

const NO_ROWS = { nodeId: null, depth: 0, chunkCount: 0, rowCount: 0, sizeBytes: 0 } as never

const entry = (
  n: number,
  ancestors: readonly number[],
  message: string,
  more: { names?: Decoration[]; prunedCount?: number } = {},
): LogEntry => ({
  id: idOf(n),
  commit: commitAt(n * 47, message, { parentIds: ancestors.map(idOf) }),
  ancestorIds: ancestors.map(idOf),
  prunedCount: 0,
  names: [],
  totals: { tableCount: 12, rowCount: 1_234_567, sizeBytes: 47_815_065 },
  ...more,
})

/** Two branches that were merged, and an end that was pruned. */
export const HISTORY: readonly LogEntry[] = [
  entry(1, [2, 3], 'merge prices', {
    names: [
      { kind: 'head', text: 'HEAD -> main' },
      { kind: 'ref', text: 'safety' },
    ],
  }),
  entry(2, [4], 'before migration 42: 注文テーブルに列を追加する 🛒', {
    names: [
      { kind: 'tag', text: 'tag: v1.2' },
      { kind: 'pin', text: 'pinned' },
    ],
  }),
  entry(3, [4], 'new prices, from the list of the first of March\n\nAsked for by accounting.', {
    names: [{ kind: 'branch', text: 'prices' }],
  }),
  entry(4, [5], 'nightly'),
  entry(5, [], 'first', { prunedCount: 1204 }),
]

export const TREE = {
  schema: { rowCount: 118 },
  tables: [{ rows: { rowCount: 1_204_311, sizeBytes: 99_815_065 } }],
  materializedViews: [],
  sequences: { rowCount: 1 },
  largeObjects: { metadata: { rowCount: 0 }, pages: { rowCount: 0 } },
} as unknown as Tree

const table = (name: string, more: Partial<TableChange>): TableChange =>
  ({
    namespace: 'public',
    name,
    change: 'unchanged',
    rowsBefore: 0,
    rowsAfter: 0,
    sizeBytesBefore: 0,
    sizeBytesAfter: 0,
    ...more,
  }) as TableChange

export const TABLES: readonly TableChange[] = [
  table(LONG_NAME, {
    change: 'changed',
    rowsBefore: 1_204_000,
    rowsAfter: 1_204_311,
    sizeBytesAfter: 99_815_065,
  }),
  table('customers', { rowsBefore: 250, rowsAfter: 250, sizeBytesAfter: 20_480 }),
  table('orders', { change: 'changed', rowsBefore: 1200, rowsAfter: 17, sizeBytesAfter: 1700 }),
  table('注文明細', { change: 'missing', rowsAfter: 3, sizeBytesAfter: 96 }),
  table('cart_🛒', { change: 'extra', rowsBefore: 9, rowsAfter: null, sizeBytesAfter: null }),
  table('events', { change: 'dataKept', rowsAfter: null, sizeBytesAfter: null }),
]

const difference = (name: string, more: object) => ({
  namespace: 'public',
  name,
  change: 'changed',
  renamed: null,
  rowCountBefore: 0,
  rowCountAfter: 0,
  columns: { onlyBefore: [], onlyAfter: [], common: [] },
  keyColumns: ['id'],
  rows: { inserted: 0, deleted: 0, updated: 0 },
  ...more,
})

const schemaEntry = (kind: string, name: string) => ({ kind, namespace: 'public', name })

export const DIFF = {
  isEqual: false,
  tables: [
    difference(LONG_NAME, {
      rows: { inserted: 1_204_311, deleted: 0, updated: 12 },
      columns: { onlyBefore: ['old'], onlyAfter: ['new', 'newer'], common: ['id'] },
    }),
    difference('orders', { rows: { inserted: 0, deleted: 1183, updated: 0 } }),
    difference('注文明細', { change: 'added', rows: { inserted: 3, deleted: 0, updated: 0 } }),
    difference('cart_🛒', { change: 'removed', rows: { inserted: 0, deleted: 9, updated: 0 } }),
    difference('events', { rows: null }),
    difference('notes', { keyColumns: null, rows: { inserted: 1, deleted: 1, updated: 0 } }),
  ],
  schema: [
    { change: 'added', before: null, after: schemaEntry('TABLE', '注文明細'), fields: null },
    { change: 'removed', before: schemaEntry('TABLE', 'cart_🛒'), after: null, fields: null },
    {
      change: 'changed',
      before: schemaEntry('FUNCTION', 'total(integer)'),
      after: schemaEntry('FUNCTION', 'total(integer)'),
      fields: ['definition'],
    },
  ],
  sequences: [
    {
      namespace: 'public',
      name: 'orders_id_seq',
      before: { lastValue: '1200', isCalled: true },
      after: { lastValue: '1', isCalled: false },
    },
  ],
  largeObjects: { added: [1], removed: [], changed: [2, 3] },
  materializedViews: [
    { namespace: 'public', name: 'totals', before: null, after: { isPopulated: true } },
  ],
  sources: [
    {
      name: 'uploads',
      kind: 'files',
      change: 'changed',
      sizeBytesBefore: 1000,
      sizeBytesAfter: 5_000_000,
      files: [
        {
          path: 'a/新しい.png',
          before: null,
          after: { kind: 'file', mode: 0o644, sizeBytes: 4_999_000 },
        },
      ],
    },
  ],
} as unknown as StateDiff

const operation = (number: number, words: string[], more: Partial<Operation['end'] & object>) =>
  ({
    number,
    start: {
      number,
      command: words[0],
      arguments: words,
      database: 'ada@localhost:5432/shop',
      withinNumber: null,
      user: 'ada',
      host: 'engine',
      pid: 4711,
      processStart: null,
      startedAt: new Date(Date.UTC(2026, 2, 1, 11) - number * 3_600_000).toISOString(),
    },
    kept: null,
    end: {
      number,
      finishedAt: new Date(Date.UTC(2026, 2, 1, 11) - number * 3_600_000 + 83_456).toISOString(),
      outcome: 'done',
      exitCode: 0,
      errorCode: null,
      databaseChange: 'changed',
      changes: null,
      commitBefore: idOf(2),
      commitAfter: idOf(1),
      takenBackId: null,
      ...more,
    },
  }) as Operation

export const OPERATIONS = [
  {
    operation: operation(107, ['run', '--', 'alembic', 'upgrade', 'head'], {
      changes: {
        tableCount: 2,
        insertedRowCount: 1_204_311,
        deletedRowCount: 40,
        updatedRowCount: 0,
        schemaEntryCount: 2,
      },
    }),
    state: 'done',
  },
  {
    operation: operation(9, ['checkout', 'before-step-6', '--table', '注文明細', '-y'], {
      exitCode: 6,
      errorCode: 'POSTGRES_LOCK_TIMEOUT',
      databaseChange: 'none',
    }),
    state: 'failed',
  },
] as const

export const PRUNE_PLAN = {
  policy: {},
  at: '2026-03-01T12:00:00.000Z',
  decisions: [
    {
      id: idOf(1),
      commit: commitAt(0, 'after 注文テーブルに列を追加する'),
      reasons: [{ kind: 'head' }, { kind: 'last', line: 'main', place: 1 }],
    },
    { id: idOf(2), commit: commitAt(5000, 'nightly'), reasons: [] },
    {
      id: idOf(3),
      commit: commitAt(9000, 'before checkout'),
      reasons: [{ kind: 'safety', since: '2026-02-25T00:00:00.000Z' }],
    },
  ],
  removedRefs: [{ name: 'refs/tags/old', id: idOf(2) }],
} as unknown as PrunePlan

export const GC_PLAN = {
  packs: [{ verdict: { action: 'delete' } }, { verdict: { action: 'repack' } }],
  totals: {
    packCount: 1042,
    sizeBytes: 5_368_709_120,
    reclaimableSizeBytes: 68_157_440,
    reclaimableObjectCount: 12_345,
    deadSizeBytesKept: 1024,
  },
} as unknown as GcPlan

export const FSCK_REPORT = {
  findings: [
    {
      code: 'PACK_CORRUPT',
      severity: 'must',
      key: 'packs/9bc1',
      message: 'its checksum is wrong',
      affects: [idOf(1), idOf(2)],
    },
  ],
  totals: {
    packCount: 1042,
    objectCount: 1_234_567,
    sizeBytes: 5_368_709_120,
    commitCount: 300,
    prunedCommitCount: 1204,
  },
} as unknown as FsckReport

export const DIAGNOSES: readonly Diagnosis[] = [
  { code: 'a', level: 'ok', finding: 'connected to PostgreSQL 18.4', advice: null },
  {
    code: 'b',
    level: 'warning',
    finding: 'ada may not read 2 tables',
    advice: 'GRANT pg_read_all_data TO ada',
  },
]

export const MIGRATIONS: readonly MigrationStatus[] = [
  {
    name: '0001_init.sql',
    state: 'applied',
    isFaked: false,
    isTransactional: true,
    appliedAt: new Date('2026-02-01T12:00:00.000Z'),
  },
  {
    name: '0002_注文テーブルに列を追加する_and_more_of_it.sql',
    state: 'outOfOrder',
    isFaked: false,
    isTransactional: false,
    appliedAt: null,
  },
]

export const LOAD_RESULT = {
  table: 'public.people',
  rowCount: 1_204_311,
  insertedCount: 1_204_000,
  updatedCount: 0,
  unchangedCount: 310,
  skippedCount: 0,
  key: ['id'],
  isCommitted: true,
  rejectedCount: 1,
  rejected: [
    {
      rowNumber: 17,
      lineNumber: 19,
      column: 'total',
      value: 'x',
      reason: 'invalid input syntax for type numeric: "x"',
      values: ['17', 'x'],
    },
  ],
  sequences: [
    { name: 'public.orders_id_seq', column: 'id', from: '40', to: '41', outcome: 'moved' },
  ],
} as unknown as LoadResult

const commitStats = (n: number, message: string, newSizeBytes: number) => ({
  id: idOf(n),
  createdAt: `2026-02-${20 + n}T09:00:00.000Z`,
  message,
  sizeBytes: 2_200_000 + n * 40_000,
  newSizeBytes,
  uniqueSizeBytes: newSizeBytes,
  sharedSizeBytes: 560_000,
})

export const STATS = {
  sizeBytes: 684_000,
  uniqueSizeBytes: 120_000,
  sharedSizeBytes: 560_000,
  unneededSizeBytes: 0,
  overheadSizeBytes: 4_000,
  packCount: 7,
  objectCount: 1_087,
  heldSizeBytes: 6_400_000,
  distinctSizeBytes: 2_700_000,
  commits: [
    commitStats(1, 'first', 560_000),
    commitStats(2, '移行の前に、すべての表を一度だけ保存しておく', 60_000),
    commitStats(3, 'before the migration that takes the old addresses away', 64_000),
  ],
  points: [1, 2, 3].map((n) => ({
    commitId: idOf(n),
    createdAt: `2026-02-${20 + n}T09:00:00.000Z`,
  })),
  tables: [
    {
      namespace: 'public',
      name: 'orders',
      points: [1, 2, 3].map((n) => ({ rowCount: 5_000 * n, sizeBytes: 311_000 * n })),
    },
    {
      namespace: 'public',
      name: '注文の履歴',
      points: [{ rowCount: 12, sizeBytes: 700 }, null, { rowCount: 12, sizeBytes: 700 }],
    },
  ],
} as unknown as StoreStats

export const FORECAST = {
  commitCount: 3,
  elapsedMs: 2 * 24 * 60 * 60 * 1000,
  reliability: 'rough',
  perCommitSizeBytes: 62_000,
  perDaySizeBytes: 61_000.4,
  fit: 0.9,
  reaches: [
    { sizeBytes: 1_368_000, at: new Date('2026-03-12T09:00:00Z') },
    { sizeBytes: 80_000_000_000, at: null },
  ],
  diskSizeBytes: 80_000_000_000,
} as const

const step = (name: string, more: object) => ({ ...table(name, {}), rowsUpdated: 0, ...more })

export const CHECKOUT_PLAN = {
  kind: 'inPlace',
  commitId: idOf(2),
  commit: commitAt(94, 'before migration 42: 注文テーブルに列を追加する 🛒'),
  revision: 'HEAD~1',
  reason: 'checkout',
  part: null,
  headAfter: { targetRef: 'refs/heads/main', id: idOf(2) },
  database: { name: 'shop', address: 'ada@localhost:5432/shop', serverVersion: '18.4' },
  isNoOp: false,
  warnings: [],
  sources: { changes: [], unchanged: [], leftAlone: [] },
  largeObjects: { countBefore: 0, countAfter: 0, differ: false },
  tables: [],
  outline: {
    form: 'surgical',
    because: null,
    renames: [],
    schema: [
      { action: 'create', kind: 'TABLE', namespace: 'public', name: 'cart_🛒' },
      { action: 'drop', kind: 'TABLE', namespace: 'public', name: '注文明細' },
      { action: 'alter', kind: 'TABLE', namespace: 'public', name: LONG_NAME },
    ],
    tables: [
      step(LONG_NAME, {
        step: 'delta',
        change: 'changed',
        rowsBefore: 1_204_311,
        rowsAfter: 1_204_000,
        rowsUpdated: 12,
        rowsDeleted: 311,
        rowsInserted: 0,
      }),
      step('orders', {
        step: 'reload',
        change: 'changed',
        rowsBefore: 17,
        rowsAfter: 1200,
        sentSizeBytes: 120_000,
      }),
      step('customers', { step: 'keep', change: 'unchanged' }),
    ],
    sequences: [],
    refreshed: [],
    locks: { againstWriters: ['public.orders', 'public.b'], againstReaders: ['public.orders'] },
    losses: [
      { kind: 'rows', namespace: 'public', name: 'orders', rowCount: 17 },
      { kind: 'table', namespace: 'public', name: '注文明細', rowCount: 3 },
    ],
  },
} as unknown as CheckoutPlan

export const CHECKOUT_RESULT = {
  commitId: idOf(2),
  safetyCommitId: idOf(1),
  head: { targetRef: 'refs/heads/main', id: idOf(2) },
  databaseName: 'shop',
  restored: {
    tableCount: 2,
    keptTableCount: 16,
    rowCount: 1212,
    sizeBytes: 120_400,
    deletedRowCount: 311,
    schemaEntryCount: 3,
  },
  sources: [],
  proof: { schemaEntryCount: 118, tableCount: 18, sequenceCount: 1, tolerated: [] },
  form: { kind: 'surgical' },
  terminated: [],
  elapsedMs: 83_456,
} as unknown as CheckoutResult

import { statfs } from 'node:fs/promises'
import {
  chooseRelations,
  type Forecast,
  planForecast,
  readStoreStats,
  type Store,
  type StoreStats,
} from '../../src/index.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { collect, parseCount, parseSizeBytes } from '../options.ts'
import { formatStats } from '../output/stats-text.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface StatsFlags {
  number: number
  table?: string[]
  reach?: number
}

export interface StatsJson extends StoreStats {
  forecast: GrowthForecast
}

type GrowthForecast = Forecast & { diskSizeBytes: number | null }

export const defineStats: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Says what takes the space: of each commit what it alone has, which is what removing it gives ' +
      'back, and what it shares; how much equal pieces and compression have saved; how tables and ' +
      'the store have grown, and how the store will. Reads what describes rows, and no rows; no ' +
      'database is needed. The forecast is a straight line through the sizes so far, and says how ' +
      'far it can be trusted.',
    examples: [
      ['snap stats', 'the store, its newest commits and largest tables'],
      ['snap stats -n 50 -t orders -t "audit.*"', 'more commits, some tables'],
      ['snap stats --reach 10GiB', 'when the store will have that size'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.conflict,
      ExitCode.backend,
    ],
    seeAlso: ['snap prune', 'snap gc', 'snap doctor', 'snap help store'],
  })
    .option('-n, --number <count>', 'at most so many commits and tables', parseCount, 10)
    .option('-t, --table <pattern>', 'only tables that match (repeatable)', collect)
    .option('--reach <size>', 'when the store will be as large, 500MiB or 10GiB', parseSizeBytes)
    .action((flags: StatsFlags) => runStats(context, flags))
}

async function runStats(context: Context, flags: StatsFlags): Promise<void> {
  const { io, options, output, reporter } = context
  context.interruptedState = 'nothing was changed'
  await withStore(context, async (store) => {
    const all = await readStoreStats(store, { reporter, signal: io.signal, now: io.now })
    const tables = all.tables.filter(chooseRelations(flags.table ?? [], all.tables))
    const stats = { ...all, tables }
    const forecast = await forecastGrowth(store, stats, { reach: flags.reach, now: io.now() })
    // A document holds all of it: who reads one can count.
    if (options.json) output.json<StatsJson>({ ...stats, forecast })
    else
      output.result(...formatStats(stats, forecast, { count: flags.number, style: output.style }))
  })
}

/** Asks for the size that was named, or else for twice the present one; and for a full disk. */
async function forecastGrowth(
  store: Store,
  { commits, sizeBytes }: StoreStats,
  { reach, now }: { reach: number | undefined; now: Date },
): Promise<GrowthForecast> {
  const disk = await statfs(store.backend.location).catch(() => undefined)
  const full = disk === undefined ? null : sizeBytes + disk.bavail * disk.bsize
  const points = commits.map(({ createdAt, newSizeBytes }) => ({
    at: new Date(createdAt),
    newSizeBytes,
  }))
  const wanted = [reach ?? sizeBytes * 2, ...(full === null ? [] : [full])]
  return { ...planForecast(points, wanted, { sizeBytes, now }), diskSizeBytes: full }
}

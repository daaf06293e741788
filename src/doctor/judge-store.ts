/**
 * What a store's facts mean. Pure.
 */
import { shortId } from '../format/object-id.ts'
import { type Diagnosis, ok, quantity } from './diagnosis.ts'
import type { StoreFacts } from './examine-store.ts'

const DAY_MS = 24 * 60 * 60 * 1000

export interface StorePlace {
  /** Free on the disk that holds it; null where that cannot be told. */
  freeSizeBytes: number | null
  /** Others on the machine may read it; null where that cannot be told. */
  isReadableByOthers: boolean | null
  /** Of the database to commit, as the server counts; null where that cannot be told. */
  databaseSizeBytes: number | null
}

export function judgeStore(facts: StoreFacts, place: StorePlace, now: Date): Diagnosis[] {
  return [
    judgeAge(facts, now),
    judgeWholeness(facts),
    judgeAccess(place),
    judgeSpace(facts, place),
  ].flat()
}

function judgeAge({ newest, commitCount }: StoreFacts, now: Date): Diagnosis {
  if (newest === null) {
    return {
      code: 'storeEmpty',
      level: 'notice',
      finding: 'the store has no commit yet',
      advice: `run 'snap commit -m "first"'`,
    }
  }
  const days = Math.floor((now.getTime() - Date.parse(newest.commit.createdAt)) / DAY_MS)
  const age = days < 1 ? 'less than a day' : `${days} ${days === 1 ? 'day' : 'days'}`
  const finding = `${quantity(commitCount, 'commit')}; the newest, ${shortId(newest.id)}, is ${age} old`
  if (days <= OLD_COMMIT_DAYS) return ok('store', finding)
  return {
    code: 'commitOld',
    level: 'notice',
    finding,
    advice: "'snap schedule --daily 02:00 --keep-daily 30' commits by the clock",
  }
}

const OLD_COMMIT_DAYS = 7

/** Facts are there at all because nothing was missing. */
function judgeWholeness({ namedCommitCount }: StoreFacts): Diagnosis[] {
  if (namedCommitCount === 0) return []
  const commits =
    namedCommitCount === 1
      ? 'the commit refs point at'
      : `the ${namedCommitCount} commits refs point at`
  const finding = `everything of ${commits} is there, by the indexes; 'snap fsck' reads every byte`
  return [ok('storeWhole', finding)]
}

function judgeAccess({ isReadableByOthers }: StorePlace): Diagnosis[] {
  if (isReadableByOthers !== true) return []
  return [
    {
      code: 'storeReadableByOthers',
      level: 'warning',
      finding: 'other users of this machine may read the store, and so every row',
      advice: 'chmod 700 the directory of the store',
    },
  ]
}

/** Forecasts by what the commits so far have cost; before the first, by the database, which has indexes and holes, too. */
function judgeSpace(
  { newest, sizeBytes, growth }: StoreFacts,
  { freeSizeBytes, databaseSizeBytes }: StorePlace,
): Diagnosis[] {
  if (freeSizeBytes === null) return []
  const free = `${formatMebibytes(freeSizeBytes)} free, the store has ${formatMebibytes(sizeBytes)}`
  const tight = (finding: string, level: 'warning' | 'problem'): Diagnosis => ({
    code: 'spaceTight',
    level,
    finding,
    advice:
      "make room, or let 'snap prune' remove old commits; a commit that finds the disk full changes nothing",
  })
  if (freeSizeBytes < MIN_FREE_BYTES) return [tight(free, 'problem')]
  if (newest === null && databaseSizeBytes !== null) {
    const first = `${free}; the first commit takes less than the database, ${formatMebibytes(databaseSizeBytes)}`
    return databaseSizeBytes > freeSizeBytes
      ? [tight(`${first}, and may not fit`, 'warning')]
      : [ok('space', first)]
  }
  if (growth === null) return [ok('space', free)]

  const perCommit = growth.sizeBytes / growth.commitCount
  // A day at least, so that some commits of one afternoon are not taken for the pace of a year.
  const days = Math.max(1, growth.elapsedMs / DAY_MS)
  const perDay = growth.sizeBytes / days
  const daysLeft = perDay === 0 ? Number.POSITIVE_INFINITY : freeSizeBytes / perDay
  const pace = `${free}; a commit takes about ${formatMebibytes(perCommit)}, a day about ${formatMebibytes(perDay)}`
  if (perCommit * 2 > freeSizeBytes)
    return [tight(`${pace}: the next commits may not fit`, 'problem')]
  if (daysLeft < TIGHT_DAYS) {
    return [tight(`${pace}: that lasts for ${Math.floor(daysLeft)} days`, 'warning')]
  }
  return [
    ok('space', daysLeft > 3650 ? pace : `${pace}: that lasts for ${Math.floor(daysLeft)} days`),
  ]
}

const MIN_FREE_BYTES = 64 * 1024 ** 2
const TIGHT_DAYS = 30

function formatMebibytes(sizeBytes: number): string {
  const mebibytes = sizeBytes / 1024 ** 2
  if (mebibytes < 0.1) return 'less than 0.1 MiB'
  if (mebibytes >= 10 * 1024) return `${Math.round(mebibytes / 1024)} GiB`
  return mebibytes >= 10 ? `${Math.round(mebibytes)} MiB` : `${mebibytes.toFixed(1)} MiB`
}

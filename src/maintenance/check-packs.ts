/**
 * Checks every byte of every pack: head, index, trailer, name, and each entry's CRC, frame and id.
 *
 * Packs are read in pieces of a few megabytes, one for each thread and one more, so memory does not
 * grow with packs. Threads tell only which entries are beyond doubt; all others are judged here, by
 * the code that reads them.
 */
import type { Backend } from '../backend/backend.ts'
import { isSnapError, SnapError, throwIfAborted } from '../errors.ts'
import { emit, type Reporter } from '../events.ts'
import {
  indexHeadsAt,
  PACK_HEAD,
  PACK_TRAILER_BYTES,
  type PackIndex,
  stretchesOf,
} from '../format/pack.ts'
import type { ObjectDatabase } from '../objects/object-database.ts'
import { storedObjectAt } from '../objects/object-index.ts'
import { readPackIndex } from '../objects/read-pack-index.ts'
import { checkEntry } from './check-entry.ts'
import { EntryChecker, type PackPiece } from './entry-checker.ts'
import { type Finding, newFinding } from './finding.ts'

/** Read at once: enough that a thread is not asked too often, little beside what a process takes. */
const PIECE_BYTES = 2 * 1024 * 1024

export interface PacksCheck {
  /** Of a pack: what is wrong with the whole, then its entries by id. */
  findings: Finding[]
  objectCount: number
  /** Of all packs, as stored. */
  sizeBytes: number
}

interface ListedPack {
  key: string
  sizeBytes: number
}

/** What is known of one pack so far. */
interface PackCheck {
  key: string
  objectCount: number
  findings: Finding[]
  /** Removed since the listing, as gc does: whether its objects are elsewhere is seen later. */
  isGone: boolean
}

/** Some of a pack's entries, to be read and checked. */
interface Stretch {
  pack: PackCheck
  index: PackIndex
  offsetBytes: number
  sizeBytes: number
  /** Of its entries in the index. */
  positions: Uint32Array
}

/** @throws ABORTED */
export async function checkPacks(
  objects: ObjectDatabase,
  packs: readonly ListedPack[],
  options: { reporter?: Reporter; signal?: AbortSignal },
): Promise<PacksCheck> {
  const totalSizeBytes = packs.reduce((total, { sizeBytes }) => total + sizeBytes, 0)
  const checker = new EntryChecker(totalSizeBytes)
  const checks = packs.map(({ key }) => newPackCheck(key))
  const counts = { objectCount: 0, sizeBytes: 0, totalSizeBytes }
  const count = (objectCount: number, sizeBytes: number) => {
    counts.objectCount += objectCount
    counts.sizeBytes += sizeBytes
    emit(options.reporter, { kind: 'objectsChecked', ...counts })
  }
  const stretches = listStretches(objects.backend, packs, checks, count)
  const checkNext = async () => {
    for await (const stretch of stretches) {
      throwIfAborted(options.signal, 'fsck')
      await checkStretch(objects, stretch, { checker, signal: options.signal })
      count(stretch.positions.length, stretch.sizeBytes)
    }
  }
  try {
    await Promise.all(Array.from({ length: checker.threadCount + 1 }, checkNext))
  } finally {
    await checker.close()
  }
  const present = checks.filter(({ isGone }) => !isGone)
  return {
    findings: present.flatMap(({ findings }) => findings.sort(byObject)),
    objectCount: present.reduce((total, { objectCount }) => total + objectCount, 0),
    sizeBytes: totalSizeBytes,
  }
}

const newPackCheck = (key: string): PackCheck => ({
  key,
  objectCount: 0,
  findings: [],
  isGone: false,
})

/** What is wrong with the whole pack names no object, and comes first. */
function byObject(a: Finding, b: Finding): number {
  const [first, second] = [a.objectId ?? '', b.objectId ?? '']
  return first < second ? -1 : first > second ? 1 : 0
}

/** Reads the two ends of one pack after the other, notes what is wrong with them, and lists what lies between. */
async function* listStretches(
  backend: Backend,
  packs: readonly ListedPack[],
  checks: readonly PackCheck[],
  count: (objectCount: number, sizeBytes: number) => void,
): AsyncGenerator<Stretch> {
  for (const [i, pack] of packs.entries()) {
    const check = checks[i]!
    try {
      await checkHead(backend, pack, check)
      const index = await readIndex(backend, pack, check)
      if (index === undefined) {
        count(0, pack.sizeBytes)
        continue
      }
      count(0, PACK_HEAD.length + index.lines.length + PACK_TRAILER_BYTES)
      check.objectCount = index.entryCount
      for (const stretch of stretchesOf(index, PIECE_BYTES)) {
        yield { pack: check, index, ...stretch }
      }
    } catch (error) {
      noteUnreadable(check, error)
    }
  }
}

async function checkHead(backend: Backend, pack: ListedPack, check: PackCheck): Promise<void> {
  const sizeBytes = Math.min(PACK_HEAD.length, pack.sizeBytes)
  const head = await backend.read(pack.key, { offsetBytes: 0, sizeBytes })
  if (Buffer.compare(head, PACK_HEAD) === 0) return
  const finding = newFinding('PACK_CORRUPT', 'the pack does not begin as a pack', { key: pack.key })
  check.findings.push(finding)
}

async function readIndex(
  backend: Backend,
  { key, sizeBytes }: ListedPack,
  check: PackCheck,
): Promise<PackIndex | undefined> {
  try {
    return await readPackIndex(backend, { packKey: key, packSizeBytes: sizeBytes })
  } catch (error) {
    if (!isSnapError(error) || error.code.startsWith('BACKEND_')) throw error
    check.findings.push(newFinding('PACK_CORRUPT', error.message, { key }))
    return undefined
  }
}

async function checkStretch(
  objects: ObjectDatabase,
  { pack, index, offsetBytes, sizeBytes, positions }: Stretch,
  { checker, signal }: { checker: EntryChecker; signal: AbortSignal | undefined },
): Promise<void> {
  if (pack.isGone) return
  try {
    const bytes = await objects.backend.read(pack.key, { offsetBytes, sizeBytes })
    const piece: PackPiece = { bytes, offsetBytes, heads: indexHeadsAt(index, positions) }
    const { doubtful, bytes: checked } = await checker.check(piece)
    for (const which of doubtful) {
      // Thousands of deltas may lie in one piece, and each is read with its base.
      throwIfAborted(signal, 'fsck')
      const entry = storedObjectAt(index, positions[which]!)
      const piece = { bytes: checked, offsetBytes }
      const finding = await checkEntry(entry, piece, (delta) => objects.readBase(delta))
      if (finding !== undefined) pack.findings.push(finding)
    }
  } catch (error) {
    noteUnreadable(pack, error)
  }
}

function noteUnreadable(pack: PackCheck, error: unknown): void {
  if (!(error instanceof SnapError)) throw error
  if (error.code === 'BACKEND_KEY_MISSING') {
    pack.isGone = true
    return
  }
  // Once: of a pack on a broken disk every piece may be unreadable.
  if (pack.findings.some(({ code }) => code === 'KEY_UNREADABLE')) return
  pack.findings.push(newFinding('KEY_UNREADABLE', error.message, { key: pack.key }))
}

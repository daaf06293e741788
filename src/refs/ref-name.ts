import { SnapError } from '../errors.ts'

/**
 * Names of refs, and the backend keys of their records.
 *
 * Names are those that git allows (gitrevisions, git-check-ref-format), less
 * names with a part of exactly ten digits, which the numbered records use.
 * Keys are ASCII in lower case, so that names which differ only in case stay
 * apart on a file system that does not tell cases apart.
 *
 * @see store-format.md §6.1 "Ref names and keys"
 */
export const HEAD = 'HEAD'
export const BRANCH_PREFIX = 'refs/heads/'
export const TAG_PREFIX = 'refs/tags/'
/** Each checkout moves it to the commit of the state it is about to change. */
export const SAFETY_REF = 'refs/snap/safety'
/** A ref below it for each pinned commit, named by the commit's id. */
export const PIN_PREFIX = 'refs/snap/pins/'

const SEQUENCE_DIGITS = 10
const SEQUENCE_PATTERN = /^[0-9]{10}$/
const MAX_ENCODED_PART_BYTES = 200
const MAX_NAME_LENGTH = 500
const FORBIDDEN_ANYWHERE = /[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{/

/** Tells whether `name` is `HEAD` or a full ref name (`refs/heads/main`) that can be stored. */
export function isRefName(name: string): boolean {
  if (name === HEAD) return true
  if (
    name.length > MAX_NAME_LENGTH ||
    FORBIDDEN_ANYWHERE.test(name) ||
    Buffer.from(name).toString() !== name
  ) {
    return false
  }
  const parts = name.split('/')
  return parts.length >= 3 && parts[0] === 'refs' && parts.every(isRefNamePart)
}

/**
 * Returns the full name of a branch.
 *
 * @throws REF_NAME_INVALID
 */
export function branchRefName(branchName: string): string {
  return shortNameUnder(BRANCH_PREFIX, branchName)
}

/**
 * Returns the full name of a tag.
 *
 * @throws REF_NAME_INVALID
 */
export function tagRefName(tagName: string): string {
  return shortNameUnder(TAG_PREFIX, tagName)
}

/** Returns a ref's name as people say it: `main` for `refs/heads/main`, `v1` for `refs/tags/v1`. */
export function shortRefName(refName: string): string {
  for (const prefix of [BRANCH_PREFIX, TAG_PREFIX]) {
    if (refName.startsWith(prefix)) return refName.slice(prefix.length)
  }
  return refName
}

/** @throws REF_NAME_INVALID  `name` is neither `HEAD` nor a full ref name */
export function assertRefName(name: string): void {
  if (!isRefName(name)) throw invalid(name)
}

/** Returns the prefix that the keys of a ref's records share. */
export function refKeyPrefix(refName: string): string {
  return `${refName.split('/').map(encodePart).join('/')}/`
}

/** Returns the key of move `sequence` (1 and up) of a ref. */
export function refRecordKey(refName: string, sequence: number): string {
  return refKeyPrefix(refName) + String(sequence).padStart(SEQUENCE_DIGITS, '0')
}

/** Returns which move of which ref a key holds, or `undefined` when it is not the key of a ref record. */
export function parseRefRecordKey(key: string): { refName: string; sequence: number } | undefined {
  const end = key.lastIndexOf('/') + 1
  const digits = key.slice(end)
  const sequence = Number(digits)
  if (!SEQUENCE_PATTERN.test(digits) || sequence === 0) return undefined
  const refName = findRefName(key.slice(0, end))
  return refName === undefined ? undefined : { refName, sequence }
}

/** The records of a ref come one after the other, thousands of them in an old store. */
let latest: { prefix: string; refName: string | undefined } = { prefix: '', refName: undefined }

/** Returns the ref whose records' keys begin with `prefix`, or `undefined` when there can be none. */
function findRefName(prefix: string): string | undefined {
  if (latest.prefix !== prefix) {
    const refName = prefix.slice(0, -1).split('/').map(decodePart).join('/')
    const isPrefix = isRefName(refName) && refKeyPrefix(refName) === prefix
    latest = { prefix, refName: isPrefix ? refName : undefined }
  }
  return latest.refName
}

function shortNameUnder(prefix: string, shortName: string): string {
  const refName = prefix + shortName
  // `HEAD` would hide HEAD, and a dash would read as an option.
  if (shortName === HEAD || shortName.startsWith('-') || !isRefName(refName)) {
    throw invalid(shortName)
  }
  return refName
}

function isRefNamePart(part: string): boolean {
  return (
    part !== '' &&
    part !== '@' &&
    !part.startsWith('.') &&
    !part.endsWith('.') &&
    !part.endsWith('.lock') &&
    !SEQUENCE_PATTERN.test(part) &&
    encodePart(part).length <= MAX_ENCODED_PART_BYTES
  )
}

function encodePart(part: string): string {
  if (part === HEAD) return part
  return Array.from(Buffer.from(part), (byte) => {
    const character = String.fromCharCode(byte)
    return /[a-z0-9._-]/.test(character) ? character : `%${byte.toString(16).padStart(2, '0')}`
  }).join('')
}

function decodePart(part: string): string {
  const latin1 = part.replace(/%([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(latin1, 'latin1').toString()
}

function invalid(refName: string): SnapError {
  return new SnapError(
    'REF_NAME_INVALID',
    `'${refName}' is not a valid ref name`,
    { refName },
    { hint: 'use letters, digits, dashes and slashes, as in git' },
  )
}

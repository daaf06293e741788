import { expect, test } from 'vitest'
import {
  branchRefName,
  isRefName,
  parseRefRecordKey,
  refRecordKey,
  shortRefName,
  tagRefName,
} from '../../../src/refs/ref-name.ts'

test.each([
  'HEAD',
  'refs/heads/main',
  'refs/heads/feature/one-2_3',
  'refs/heads/größe',
  'refs/heads/@main',
  'refs/heads/a@b',
  'refs/tags/v1.0',
  'refs/heads/{x}',
  'refs/heads/123456789',
  'refs/heads/12345678901',
  'refs/snap/safety',
])('%s is a ref name, and the key of each of its records leads back to it', (refName) => {
  expect(isRefName(refName)).toBe(true)
  expect(parseRefRecordKey(refRecordKey(refName, 42))).toEqual({ refName, sequence: 42 })
})

test.each([
  '',
  'main',
  'refs/heads',
  'refs/heads/',
  'refs//main',
  '/refs/heads/main',
  'heads/main/x',
  'refs/heads/.hidden',
  'refs/heads/a/.b',
  'refs/heads/a.lock',
  'refs/heads/a.lock/b',
  'refs/heads/a.',
  'refs/heads/a..b',
  'refs/heads/a b',
  'refs/heads/a~1',
  'refs/heads/a^',
  'refs/heads/a:b',
  'refs/heads/a?',
  'refs/heads/a*',
  'refs/heads/a[b',
  'refs/heads/a\\b',
  'refs/heads/a\x7f',
  'refs/heads/a\n',
  'refs/heads/a@{1',
  'refs/heads/@',
  'refs/heads/0000000001',
  'refs/heads/1234567890/x',
  'refs/heads/\ud800',
  `refs/heads/${'x'.repeat(201)}`,
  `refs/${'x/'.repeat(300)}y`,
])('%j is not a ref name', (refName) => {
  expect(isRefName(refName)).toBe(false)
})

test.each(['-x', 'HEAD', 'a b', ''])('%j is neither the name of a branch nor of a tag', (name) => {
  for (const fullName of [branchRefName, tagRefName]) {
    expect(() => fullName(name)).toThrow(expect.objectContaining({ code: 'REF_NAME_INVALID' }))
  }
})

test('keys are ASCII in lower case, so that names that differ in case stay apart', () => {
  expect(refRecordKey('HEAD', 1)).toBe('HEAD/0000000001')
  expect(refRecordKey('refs/heads/main', 12)).toBe('refs/heads/main/0000000012')
  expect(refRecordKey('refs/heads/Main', 1)).toBe('refs/heads/%4dain/0000000001')
  expect(refRecordKey('refs/heads/ö%', 1)).toBe('refs/heads/%c3%b6%25/0000000001')
})

test.each([
  'refs/heads/main',
  'refs/heads/main/1',
  'refs/heads/main/0000000000',
  'refs/heads/Main/0000000001',
  'refs/heads/%6dain/0000000001',
  'refs/heads/%4Dain/0000000001',
  'packs/00/0000000001',
  'refs/0000000001',
])('%s is not the key of a record', (key) => {
  expect(parseRefRecordKey(key)).toBe(undefined)
})

test('short names are what people say', () => {
  expect(branchRefName('main')).toBe('refs/heads/main')
  expect(tagRefName('v1')).toBe('refs/tags/v1')
  expect(['refs/heads/a/b', 'refs/tags/v1', 'refs/snap/safety', 'HEAD'].map(shortRefName)).toEqual([
    'a/b',
    'v1',
    'refs/snap/safety',
    'HEAD',
  ])
})

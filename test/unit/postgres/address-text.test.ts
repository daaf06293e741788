import { describe, expect, test } from 'vitest'
import { AddressTextInvalid, parseAddressText } from '../../../src/postgres/address/address-text.ts'

const parse = (text: string) => Object.fromEntries(parseAddressText(text))

describe('a URL is read as libpq reads it', () => {
  test.each([
    ['postgres://', {}],
    ['postgresql://localhost', { host: 'localhost' }],
    ['postgresql://u@h/d', { user: 'u', host: 'h', dbname: 'd' }],
    ['postgres://u:p@h:5433/d', { user: 'u', password: 'p', host: 'h', port: '5433', dbname: 'd' }],
    ['postgresql://u:@h/', { user: 'u', host: 'h' }],
    ['postgresql:///d?host=/run/pg&port=6000', { dbname: 'd', host: '/run/pg', port: '6000' }],
    ['postgresql://%2Frun%2Fpg/d', { host: '/run/pg', dbname: 'd' }],
    ['postgresql://[::1]:5432/d', { host: '::1', port: '5432', dbname: 'd' }],
    [
      'postgresql://a%40b:p%2F%3A%40w%25@h/my%20db',
      { user: 'a@b', password: 'p/:@w%', host: 'h', dbname: 'my db' },
    ],
    ['postgresql://u:p?w#d@h/d', { user: 'u', password: 'p?w#d', host: 'h', dbname: 'd' }],
    ['postgresql://u:a:b@h', { user: 'u', password: 'a:b', host: 'h' }],
    [
      'postgresql://h?sslmode=require&options=-c%20jit%3Doff&connect_timeout=3',
      { host: 'h', sslmode: 'require', options: '-c jit=off', connect_timeout: '3' },
    ],
    ['postgresql://h/d?ssl=true', { host: 'h', dbname: 'd', sslmode: 'require' }],
    ['postgresql+psycopg2://u@h/d', { user: 'u', host: 'h', dbname: 'd' }],
    ['postgis://u@h/d', { user: 'u', host: 'h', dbname: 'd' }],
  ])('%s', (text, expected) => {
    expect(parse(text)).toEqual(expected)
  })
})

describe('key=value pairs are read as libpq reads them', () => {
  test.each([
    ['host=h dbname=d', { host: 'h', dbname: 'd' }],
    [" host = h   user='a b' ", { host: 'h', user: 'a b' }],
    ["password='it\\'s \\\\' port=1", { password: "it's \\", port: '1' }],
    ["password=a\\ b\\'c host=h", { password: "a b'c", host: 'h' }],
    ["password='' host=h", { password: '', host: 'h' }],
  ])('%s', (text, expected) => {
    expect(parse(text)).toEqual(expected)
  })
})

test.each([
  ['another scheme', 'mysql://u:hunter2@h/d'],
  ['no scheme', 'hunter2'],
  ['a slash in the password', 'postgresql://u:12/hunter2@h/d'],
  ['a percent sign alone', 'postgresql://u:hunter2%@h/d'],
  ['a zero byte', 'postgresql://u:hunter2%00@h/d'],
  ['a parameter without value', 'postgresql://h/d?hunter2'],
  ['two equal signs', 'postgresql://h/d?password=hunter2=x'],
  ['an open quote', "host=h password='hunter2"],
  ['a value without key', 'host=h hunter2'],
  ['a broken bracket', 'postgresql://u:hunter2@[::1/d'],
])('%s is refused without quoting the text', (_, text) => {
  const attempt = () => parseAddressText(text)
  expect(attempt).toThrow(AddressTextInvalid)
  expect(attempt).not.toThrow(/hunter2/)
})

/**
 * What PostgreSQL calls encodings of text, as decoders of our own.
 *
 * Names of the WHATWG Encoding Standard beside those of the manual, "Character
 * Set Support". Those without a counterpart there (EUC_TW, JOHAB, MULE_INTERNAL,
 * the JIS 2004 ones) are not known, and SQL_ASCII is no encoding.
 */

/** @throws TypeError  the bytes are not of the encoding */
export type TextDecode = (bytes: Uint8Array) => string

const LABELS: Readonly<Record<string, string>> = {
  UTF8: 'utf-8',
  // 0x80 to 0x9f are control characters in PostgreSQL's LATIN5, and not in Windows' 1254.
  LATIN5: 'windows-1254',
  LATIN2: 'iso-8859-2',
  LATIN3: 'iso-8859-3',
  LATIN4: 'iso-8859-4',
  LATIN6: 'iso-8859-10',
  LATIN7: 'iso-8859-13',
  LATIN8: 'iso-8859-14',
  LATIN9: 'iso-8859-15',
  LATIN10: 'iso-8859-16',
  ISO_8859_5: 'iso-8859-5',
  ISO_8859_6: 'iso-8859-6',
  ISO_8859_7: 'iso-8859-7',
  ISO_8859_8: 'iso-8859-8',
  KOI8R: 'koi8-r',
  KOI8U: 'koi8-u',
  WIN866: 'ibm866',
  WIN874: 'windows-874',
  WIN1250: 'windows-1250',
  WIN1251: 'windows-1251',
  WIN1252: 'windows-1252',
  WIN1253: 'windows-1253',
  WIN1254: 'windows-1254',
  WIN1255: 'windows-1255',
  WIN1256: 'windows-1256',
  WIN1257: 'windows-1257',
  WIN1258: 'windows-1258',
  EUC_JP: 'euc-jp',
  SJIS: 'shift_jis',
  EUC_KR: 'euc-kr',
  UHC: 'euc-kr',
  EUC_CN: 'gbk',
  GBK: 'gbk',
  GB18030: 'gb18030',
  BIG5: 'big5',
}

/** @param name  as `client_encoding` shows it: `LATIN1` */
export function findTextDecoder(name: string): TextDecode | undefined {
  // The standard's iso-8859-1 is windows-1252, which has letters where LATIN1 has none.
  if (name === 'LATIN1') return (bytes) => Buffer.from(bytes).toString('latin1')
  const label = Object.hasOwn(LABELS, name) ? LABELS[name] : undefined
  if (label === undefined) return undefined
  const decoder = new TextDecoder(label, { fatal: true, ignoreBOM: true })
  return (bytes) => decoder.decode(bytes)
}

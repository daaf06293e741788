/**
 * What restoring must know about pg_dump's kinds of entries; everything else is
 * the same for all of them.
 */
import type { SchemaEntry } from '../format/values.ts'

/** Go away with the object they belong to; dropping that is enough. */
const DIES_WITH_ITS_OBJECT = new Set([
  'ACL',
  'CHECK CONSTRAINT',
  'COMMENT',
  'CONSTRAINT',
  'DEFAULT',
  'INDEX',
  'INDEX ATTACH',
  'POLICY',
  'PUBLICATION TABLE',
  'PUBLICATION TABLES IN SCHEMA',
  'ROW SECURITY',
  'SECURITY LABEL',
  'SEQUENCE OWNED BY',
  'STATISTICS',
  'TABLE ATTACH',
  'TRIGGER',
])

/**
 * Can be left standing while everything in or beside them is rebuilt. Creating
 * them again needs more than an owner's rights (extensions), cannot be undone (a
 * subscription's slot), or gains nothing.
 */
const CAN_STAY = new Set(['EXTENSION', 'SCHEMA', 'SUBSCRIPTION'])

/** Have an owner of their own, to be set after they are created (pg_restore sets the same). */
const HAS_OWNER = new Set([
  'AGGREGATE',
  'COLLATION',
  'CONVERSION',
  'DOMAIN',
  'EVENT TRIGGER',
  'FOREIGN DATA WRAPPER',
  'FOREIGN TABLE',
  'FUNCTION',
  'MATERIALIZED VIEW',
  'OPERATOR',
  'OPERATOR CLASS',
  'OPERATOR FAMILY',
  'PROCEDURAL LANGUAGE',
  'PROCEDURE',
  'PUBLICATION',
  'SCHEMA',
  'SEQUENCE',
  'SERVER',
  'STATISTICS',
  'SUBSCRIPTION',
  'TABLE',
  'TEXT SEARCH CONFIGURATION',
  'TEXT SEARCH DICTIONARY',
  'TYPE',
  'VIEW',
])

export const diesWithItsObject = ({ kind }: SchemaEntry) => DIES_WITH_ITS_OBJECT.has(kind)
export const canStay = ({ kind }: SchemaEntry) => CAN_STAY.has(kind)
export const hasOwner = ({ kind }: SchemaEntry) => HAS_OWNER.has(kind)

/** Granted last: an owner may have revoked from itself what restoring still needs. */
export const isPrivilege = ({ kind }: SchemaEntry) => kind === 'ACL' || kind === 'DEFAULT ACL'

/** Created after everything else, or it would fire on the rest of the restore. */
export const firesOnDdl = ({ kind, name }: SchemaEntry) =>
  kind === 'EVENT TRIGGER' || (kind === 'COMMENT' && name.startsWith('EVENT TRIGGER '))

/** `TABLE public.users`: how messages name an entry. */
export function describeEntry({
  kind,
  namespace,
  name,
}: Pick<SchemaEntry, 'kind' | 'namespace' | 'name'>): string {
  return namespace === null || namespace === '' ? `${kind} ${name}` : `${kind} ${namespace}.${name}`
}

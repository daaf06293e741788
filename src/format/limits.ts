/** The numbers of store-format.md §11 "Limits". */

/** Version written into `format` and accepted from it. */
export const STORE_VERSION = 1

/** Longest object, uncompressed. Bounds what a reader ever allocates for one object. */
export const MAX_OBJECT_BYTES = 256 * 1024 * 1024

/** A pack is sealed once its entries reach this size; the last entry may carry it beyond. */
export const PACK_TARGET_BYTES = 32 * 1024 * 1024

/** Longest pack: offsets in a pack index are unsigned 32-bit numbers. */
export const MAX_PACK_BYTES = 0xffff_ffff

/**
 * Longest object that is stored as a delta, and longest base of one. What a reader holds for a chain
 * of deltas is bounded by it.
 */
export const MAX_DELTA_OBJECT_BYTES = 1024 * 1024

/** Most bases behind one delta, one below the other. */
export const MAX_DELTA_CHAIN = 64

/** Longest text record (`format`, ref records, lock records). */
export const MAX_TEXT_RECORD_BYTES = 1024 * 1024

/** Entries of one manifest node: no fewer except in the last of its level, never more. */
export const MIN_NODE_ENTRIES = 32
export const MAX_NODE_ENTRIES = 512

/** Highest level of a manifest node; 32^8 chunks are more than 2^39. */
export const MAX_NODE_LEVEL = 8

/** Deepest nesting of canonical JSON. */
export const MAX_JSON_DEPTH = 32

/** Most commits that one record of pruned commits names; keeps it below MAX_TEXT_RECORD_BYTES. */
export const MAX_PRUNED_COMMITS = 2048

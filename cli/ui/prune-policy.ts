import type { RetentionPolicy } from '../../src/index.ts'

/** The rules of the preview: those that the help of `snap prune` shows. */
export const PREVIEWED_POLICY: RetentionPolicy = { keepLast: 7, keepDaily: 30, keepMonthly: 12 }

export const PREVIEWED_FLAGS = '--keep-last 7 --keep-daily 30 --keep-monthly 12'

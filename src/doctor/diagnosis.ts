/** How much a diagnosis matters: nothing to do, good to know, will hurt some day, keeps snap from its work. */
export type DiagnosisLevel = 'ok' | 'notice' | 'warning' | 'problem'

/** One thing the doctor has looked at. */
export interface Diagnosis {
  /** Stable, for programs: `tablesUnreadable`. */
  code: string
  level: DiagnosisLevel
  /** What was found, one sentence without a full stop. */
  finding: string
  /** What to do about it; null when there is nothing to do. */
  advice: string | null
}

export const ok = (code: string, finding: string): Diagnosis => ({
  code,
  level: 'ok',
  finding,
  advice: null,
})

/** `a, b, c and 7 more`. */
export function listSome(names: readonly string[], limit = 5): string {
  const shown = names.slice(0, limit).join(', ')
  return names.length > limit ? `${shown} and ${names.length - limit} more` : shown
}

/** `1 table`, `3 tables`. */
export function quantity(count: number, singular: string): string {
  return `${count} ${singular}${count === 1 ? '' : 's'}`
}

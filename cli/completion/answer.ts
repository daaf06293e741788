export interface Candidate {
  /** What the word becomes. */
  value: string
  /** One line; empty where there is nothing to say. */
  description: string
}

/** What may stand at the cursor. */
export interface Answer {
  /** `files` and `directories` are for the shell to list. */
  kind: 'words' | 'files' | 'directories'
  candidates: Candidate[]
  /** More is typed behind a candidate, so that no space follows it. */
  isUnfinished: boolean
}

export function words(candidates: Candidate[], isUnfinished = false): Answer {
  return { kind: 'words', candidates, isUnfinished }
}

export const NOTHING: Answer = words([])

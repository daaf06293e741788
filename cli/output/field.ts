/** Wide enough for the longest label, its colon and a space. */
const LABEL_WIDTH = 12

/** `Author:     Ada`: one of several facts below each other. */
export function formatField(label: string, text: string): string {
  return `${label}:`.padEnd(LABEL_WIDTH) + text
}

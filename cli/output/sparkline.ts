const BARS = '▁▂▃▄▅▆▇█'

/**
 * Draws a row of sizes, one character each, the largest as high as a line; a blank where there is none.
 *
 * Zero is the bottom line, so that a table that has grown by a hundredth looks as it is: level.
 */
export function formatSparkline(values: readonly (number | null)[]): string {
  const largest = Math.max(0, ...values.map((value) => value ?? 0))
  return values
    .map((value) => {
      if (value === null) return ' '
      const height = largest === 0 ? 0 : Math.ceil((value / largest) * BARS.length)
      return BARS[Math.max(0, height - 1)]!
    })
    .join('')
}

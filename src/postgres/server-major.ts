/** The major version of a server: 180004 → 18. */
export function serverMajorOf({ serverVersionNumber }: { serverVersionNumber: number }): number {
  return Math.trunc(serverVersionNumber / 10_000)
}

/** `2026-01-01 10:00:00`, with the ms if there are any. */
export function readableTime(timeMs: number): string {
  return new Date(timeMs)
    .toISOString()
    .replace('T', ' ')
    .replace(/(\.000)?Z$/, '')
}

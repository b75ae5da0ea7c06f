/**
 * What is committed beside a slice's offset. Together they name the slice: timers fire in slices that take no offsets, so
 * the offset alone does not.
 */
export const commitMetadata = (nowMs: number, firings: number) => `${nowMs} ${firings}`

/** How many slices of the partition had fired timers; 0 where somebody else committed. */
export function firingsOf(metadata: string): number {
  const firings = Number(metadata.split(' ')[1])
  return Number.isInteger(firings) ? firings : 0
}

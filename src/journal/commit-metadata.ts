/**
 * What is committed beside a slice's offset: its clock and the position past it. Together they name the slice, also one that
 * takes no offsets; the highest position of all topics tells how far the partition is.
 */
export const commitMetadata = (nowMs: number, position: number) => `${nowMs} ${position}`

/** 0 where somebody else committed. */
export function committedPosition(metadata: string): number {
  const position = Number(metadata.split(' ')[1])
  return Number.isSafeInteger(position) ? position : 0
}

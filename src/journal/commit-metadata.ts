/**
 * What is committed beside a slice's offset: its clock, the position past it, and the epoch of the leader that wrote the last
 * of its records, where that is known. Clock and position name the slice, also one that takes no offsets; the highest position
 * of all topics tells how far the partition is.
 */
export const commitMetadata = (nowMs: number, position: number, epoch: number) =>
  epoch < 0 ? `${nowMs} ${position}` : `${nowMs} ${position} ${epoch}`

/** 0 where somebody else committed. */
export function committedPosition(metadata: string): number {
  const position = Number(metadata.split(' ')[1])
  return Number.isSafeInteger(position) ? position : 0
}

/** -1 where it is not known. */
export function committedEpoch(metadata: string): number {
  const epoch = Number(metadata.split(' ')[2] ?? -1)
  return Number.isSafeInteger(epoch) ? epoch : -1
}

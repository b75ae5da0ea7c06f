/**
 * The metadata committed with a slice's offset: its clock, the position after it, and the epoch of the leader that wrote its
 * last record, where known. Clock and position identify the slice, even one that takes no offsets. The highest position among
 * all topics is how far the partition has come.
 */
export const commitMetadata = (nowMs: number, position: number, epoch: number) =>
  epoch < 0 ? `${nowMs} ${position}` : `${nowMs} ${position} ${epoch}`

/** 0 where beckon did not write the metadata. */
export function committedPosition(metadata: string): number {
  const position = Number(metadata.split(' ')[1])
  return Number.isSafeInteger(position) ? position : 0
}

/** -1 where it is not known. */
export function committedEpoch(metadata: string): number {
  const epoch = Number(metadata.split(' ')[2] ?? -1)
  return Number.isSafeInteger(epoch) ? epoch : -1
}

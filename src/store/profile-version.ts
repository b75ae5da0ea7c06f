/**
 * The version of a profile row: `epoch << 48 | next offset`, the next offset being the first one that the row does
 * not include. The epoch goes up when a topic is created anew, since its offsets then start again at 0 and the old
 * rows would win. A bigint, since a Number is exact only up to epoch 31.
 */
const offsetBits = 48n

/** Epoch below 2^16, offset below 2^48. */
export function profileVersion(epoch: number, nextOffset: number): bigint {
  return (BigInt(epoch) << offsetBits) | BigInt(nextOffset)
}

export function nextOffsetOf(version: bigint): number {
  return Number(BigInt.asUintN(Number(offsetBits), version))
}

/**
 * The version of a profile row: `epoch << 48 | position`, the position being the first one that the row does not include.
 * A partition's position is the next offset plus the slices in which timers fired or features were refolded (`firings`), so
 * that it goes up with every slice, also with one that takes no events. The epoch goes up when a topic is created anew, since
 * its offsets then start again at 0 and the old rows would win. A bigint, since a Number is exact only up to epoch 31.
 */
const positionBits = 48n

/** Epoch below 2^16, position below 2^48. */
export function profileVersion(epoch: number, position: number): bigint {
  return (BigInt(epoch) << positionBits) | BigInt(position)
}

export function positionOf(version: bigint): number {
  return Number(BigInt.asUintN(Number(positionBits), version))
}

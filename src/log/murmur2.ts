/** Partitioning by key like Kafka's Java producer, so that all producers agree on a key's partition. */

const multiplier = 0x5bd1e995

/** 32-bit MurmurHash2 (Appleby) with the seed of Kafka's Java client, as a signed number. */
export function murmur2(data: Uint8Array): number {
  const length = data.length
  let hash = 0x9747b28c ^ length
  const whole = length & ~3
  for (let at = 0; at < whole; at += 4) {
    let word = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)
    word = Math.imul(word, multiplier)
    word = Math.imul(word ^ (word >>> 24), multiplier)
    hash = Math.imul(hash, multiplier) ^ word
  }
  const rest = length - whole
  if (rest >= 3) hash ^= data[whole + 2]! << 16
  if (rest >= 2) hash ^= data[whole + 1]! << 8
  if (rest >= 1) hash = Math.imul(hash ^ data[whole]!, multiplier)
  hash = Math.imul(hash ^ (hash >>> 13), multiplier)
  return hash ^ (hash >>> 15)
}

/** The partition of a key, by the number of partitions. */
export function partitionOfKey(key: Uint8Array | string, partitions: number): number {
  return (murmur2(typeof key === 'string' ? Buffer.from(key) : key) & 0x7fffffff) % partitions
}

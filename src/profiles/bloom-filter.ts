/**
 * A Bloom filter over 53-bit hashes: where it says that a hash is not in it, that is certain. When the newest filter is full,
 * it adds another of twice the size, so the share of false positives stays near 1 % for each filter.
 */
const hashes = 7
const bitsPerEntry = 10

export class BloomFilter {
  readonly #filters: { readonly bits: Uint32Array; readonly capacity: number; count: number }[] = []

  get isEmpty(): boolean {
    return this.#filters.length === 0
  }

  add(hash: number): void {
    let newest = this.#filters.at(-1)
    if (newest === undefined || newest.count === newest.capacity) {
      const capacity = newest === undefined ? 4096 : newest.capacity * 2
      newest = { bits: new Uint32Array(Math.ceil((capacity * bitsPerEntry) / 32)), capacity, count: 0 }
      this.#filters.push(newest)
    }
    newest.count++
    const size = newest.bits.length * 32
    for (let i = 0; i < hashes; i++) {
      const bit = place(hash, i, size)
      newest.bits[bit >>> 5]! |= 1 << (bit & 31)
    }
  }

  mayHave(hash: number): boolean {
    return this.#filters.some(({ bits }) => {
      const size = bits.length * 32
      for (let i = 0; i < hashes; i++) {
        const bit = place(hash, i, size)
        if ((bits[bit >>> 5]! & (1 << (bit & 31))) === 0) return false
      }
      return true
    })
  }
}

/** The i-th bit of a hash: combines two halves of the hash (Kirsch and Mitzenmacher, 2006). */
function place(hash: number, i: number, size: number): number {
  const low = hash % 0x400_0000
  const high = Math.floor(hash / 0x400_0000)
  return (low + i * (high | 1)) % size
}

/** A block that has grown to this size is split in two, so that inserting moves few items. */
const maxBlock = 512

/**
 * Distinct items in ascending order, in consecutive blocks. Adding and deleting take a few more comparisons each time their
 * number doubles, and the first items are at hand.
 */
export class Ranked<T> {
  readonly #compare: (a: T, b: T) => number
  /** No block is empty. */
  readonly #blocks: T[][] = []
  size = 0

  /** @param compare 0 only for the same item */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare
  }

  add(item: T): void {
    const blocks = this.#blocks
    this.size++
    if (blocks.length === 0) {
      blocks.push([item])
      return
    }
    const at = Math.min(this.#blockOf(item), blocks.length - 1)
    const block = blocks[at]!
    block.splice(this.#placeIn(block, item), 0, item)
    if (block.length >= maxBlock) blocks.splice(at + 1, 0, block.splice(maxBlock / 2))
  }

  /** @param item must be there */
  delete(item: T): void {
    const at = this.#blockOf(item)
    const block = this.#blocks[at]!
    block.splice(this.#placeIn(block, item), 1)
    if (block.length === 0) this.#blocks.splice(at, 1)
    this.size--
  }

  /** The item at that 0-based place. */
  at(place: number): T | undefined {
    let left = place
    for (const block of this.#blocks) {
      if (left < block.length) return block[left]
      left -= block.length
    }
    return undefined
  }

  first(count: number): T[] {
    const items: T[] = []
    for (const block of this.#blocks) {
      if (items.length >= count) break
      items.push(...block.slice(0, count - items.length))
    }
    return items
  }

  /** The first block whose last item is not before the given one; the number of blocks if there is none. */
  #blockOf(item: T): number {
    let [low, high] = [0, this.#blocks.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const block = this.#blocks[middle]!
      if (this.#compare(block[block.length - 1]!, item) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #placeIn(block: readonly T[], item: T): number {
    let [low, high] = [0, block.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#compare(block[middle]!, item) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** A block that has grown to this is halved; so finding takes some steps, and putting in moves few. */
const maxBlock = 512

/**
 * Different items in ascending order, in blocks that follow each other: adding and deleting takes some comparisons more for
 * each doubling of their number, and the first ones are at hand.
 */
export class Ranked<T> {
  readonly #compare: (a: T, b: T) => number
  /** None is empty. */
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

  /** An item that is there. */
  delete(item: T): void {
    const at = this.#blockOf(item)
    const block = this.#blocks[at]!
    block.splice(this.#placeIn(block, item), 1)
    if (block.length === 0) this.#blocks.splice(at, 1)
    this.size--
  }

  /** The item of that 0-based place. */
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

  /** The first block whose last item is not before it; their number where there is none. */
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

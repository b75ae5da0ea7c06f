import { emptyCounts, estimateBy, registerCount } from './hyper-log-log.ts'

/** Larger than any rank. A row's key, which is below 2^45, times this is still exact. */
const base = 64

/**
 * HyperLogLog's registers over rows of which the first may leave. Each register keeps the ranks that may still become its
 * largest: those with no rank as large in a later row. These are few, about log n for n rows (Y. Chabchoub, G. Hébrail,
 * "Sliding HyperLogLog: Estimating cardinality in a data stream over a sliding window", 2010).
 */
export class SlidingRegisters {
  /** For each register: entries of key·64 + rank, with keys ascending and ranks descending. */
  readonly #lists: (number[] | undefined)[] = new Array(registerCount).fill(undefined)
  /** How many registers have each rank as their largest. */
  readonly #counts = emptyCounts()

  constructor() {
    this.#counts[0] = registerCount
  }

  add(index: number, rank: number, rowKey: number): void {
    let list = this.#lists[index]
    if (list === undefined) {
      list = []
      this.#lists[index] = list
    }
    let end = list.length
    while (end > 0 && keyOf(list[end - 1]!) > rowKey) end--
    // A later row, or this row itself, may already have a rank as large.
    const next = list[end] ?? 0
    const own = end > 0 && keyOf(list[end - 1]!) === rowKey ? rankOf(list[end - 1]!) : 0
    if (Math.max(rankOf(next), own) >= rank) return
    const largest = rankOf(list[0] ?? 0)
    let start = end
    while (start > 0 && rankOf(list[start - 1]!) <= rank) start--
    list.splice(start, end - start, rowKey * base + rank)
    this.#note(largest, rankOf(list[0]!))
  }

  /** The row must be the first, or be added again at once with ranks that are no smaller. */
  remove(index: number, rowKey: number): void {
    const list = this.#lists[index]
    if (list === undefined) return
    const at = list.findIndex((entry) => keyOf(entry) === rowKey)
    if (at < 0) return
    const largest = rankOf(list[0]!)
    list.splice(at, 1)
    this.#note(largest, rankOf(list[0] ?? 0))
  }

  estimate(): number {
    return estimateBy(this.#counts)
  }

  #note(before: number, after: number): void {
    this.#counts[before]!--
    this.#counts[after]!++
  }
}

const keyOf = (entry: number) => Math.floor(entry / base)
const rankOf = (entry: number) => entry - Math.floor(entry / base) * base

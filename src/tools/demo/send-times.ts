/** How many of a partition's latest times are kept: a power of 2; 8 bytes each. */
const kept = 1 << 17

/**
 * When each record was handed to the producer, by its place in the topic. The demo made the topic and is its only producer,
 * and the producer is idempotent; so a partition's n-th record is at offset n.
 */
export class SendTimes {
  readonly #times: readonly Float64Array[]
  readonly #ends: number[]

  constructor(partitions: number) {
    this.#times = Array.from({ length: partitions }, () => new Float64Array(kept))
    this.#ends = Array.from({ length: partitions }, () => 0)
  }

  /** The partition's next record is handed over at that time. */
  note(partition: number, timeMs: number): void {
    const offset = this.#ends[partition]!++
    this.#times[partition]![offset % kept] = timeMs
  }

  /** undefined for a record that was not sent, or so long ago that its time is no longer kept. */
  of(partition: number, offset: number): number | undefined {
    const end = this.#ends[partition] ?? 0
    return offset < end && offset >= end - kept ? this.#times[partition]![offset % kept] : undefined
  }
}

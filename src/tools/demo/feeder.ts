import { setTimeout as sleep } from 'node:timers/promises'
import type { OutRecord } from '../../events/log.ts'
import type { Log } from '../../log/log.ts'
import { partitionOfKey } from '../../log/murmur2.ts'
import type { SendTimes } from './send-times.ts'
import type { Shop } from './shop.ts'
import { toJsonRecord } from './to-record.ts'

/** Short enough that records go out as they happen, long enough for some of them in a request. */
const tickMs = 10
/** Records handed over at once, hence the most in flight. */
const maxChunk = 1000

/** Streams the shop's records into the topic. */
export class Feeder {
  readonly #log: Log
  readonly #topic: string
  readonly #partitions: number
  readonly #shop: Shop
  readonly #sendTimes: SendTimes
  #next: ReturnType<Shop['next']>
  /** Acknowledged by the log, good and bad. */
  produced = 0
  bad = 0

  constructor(log: Log, topic: string, partitions: number, shop: Shop, sendTimes: SendTimes) {
    this.#log = log
    this.#topic = topic
    this.#partitions = partitions
    this.#shop = shop
    this.#sendTimes = sendTimes
    this.#next = shop.next()
  }

  /** The event time that the shop has come to. */
  get shopTimeMs(): number {
    return this.#next.timeMs
  }

  /** Sends `total` records at `rate` a second, or fewer where the signal comes first. A stall is made up for by 1 s at most. */
  async run(total: number, rate: number, signal: AbortSignal): Promise<void> {
    const end = this.produced + total
    let lastMs = performance.now()
    for (let due = 0; this.produced < end && !signal.aborted; ) {
      const nowMs = performance.now()
      due = Math.min(due + ((nowMs - lastMs) / 1000) * rate, rate)
      lastMs = nowMs
      due -= await this.send(Math.min(Math.floor(due), end - this.produced, maxChunk))
      await sleep(tickMs)
    }
  }

  /** Sends that many of the shop's next records, but none of the future; resolves to how many when they are acknowledged. */
  async send(count: number): Promise<number> {
    const latestMs = Date.now()
    const records: OutRecord[] = []
    let bad = 0
    while (records.length < count && this.#next.timeMs <= latestMs) {
      const partition = partitionOfKey(this.#next.key, this.#partitions)
      if (this.#next.fault !== null) bad++
      records.push(toJsonRecord(this.#next, this.#topic, partition))
      this.#next = this.#shop.next()
    }
    const handedOverMs = performance.now()
    for (const { partition } of records) this.#sendTimes.note(partition!, handedOverMs)
    if (records.length > 0) await this.#log.append(records)
    this.produced += records.length
    this.bad += bad
    return records.length
  }
}

import { type Log, LogError } from '../log/log.ts'
import { decodeRules, type RulesRecord } from './deployed.ts'

/** Far more than deployments will ever make: whoever finds more has the name of another topic. */
const maxRecords = 1_000_000
/** The newest records that are looked at. */
const maxKept = 20

/** Reads what a rules topic has for one group: without a consumer group, and only what has come since the last time. */
export class RulesTopic {
  readonly #log: Log
  readonly #topic: string
  readonly #group: string
  /** All before it was read. */
  #next = 0

  constructor(log: Log, topic: string, group: string) {
    this.#log = log
    this.#topic = topic
    this.#group = group
  }

  /**
   * The group's records since the last time, the newest first, at most the newest 20. If it throws, the same ones come again.
   * @throws LogError; `refused` too where the topic has so many records that it can't be one of rules
   */
  async read(): Promise<RulesRecord[]> {
    const { low, high } = await this.#log.offsets(this.#topic, 0)
    // It was created anew.
    if (high < this.#next) this.#next = 0
    const from = Math.max(low, this.#next)
    if (high - from > maxRecords) {
      throw new LogError('refused', `${this.#topic} has ${high - from} records: it is no topic of rules`)
    }
    let found: RulesRecord[] = []
    let next = from
    if (high > from) {
      for await (const batch of this.#log.read(this.#topic, 0, from, high)) {
        for (let i = 0; i < batch.count; i++) {
          const record = decodeRules(batch, i, this.#group)
          if (record !== undefined) found = [record, ...found.slice(0, maxKept - 1)]
        }
        next = batch.nextOffset
      }
    }
    this.#next = next
    return found
  }
}

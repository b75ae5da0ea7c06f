import { setTimeout as sleep } from 'node:timers/promises'
import type { OutRecord } from '../../src/events/log.ts'
import type { Log } from '../../src/log/log.ts'
import type { generateStream } from './stream.ts'

const tickMs = 100
/** So many events at once before a freeze, as milliseconds of the even rate. */
const burstMs = 1_000
/** The longest that a burst waits for the feeder. */
const burstPatienceMs = 3_000

/** The header of a record's number in the stream, by which the oracle finds it in the log. */
export const numberHeader = 'n'

/**
 * Sends the stream at an even rate, until it is stopped; where the brokers do not answer, it waits. All its records are
 * acknowledged in the end, each once or more: the oracle takes what is in the log, and counts what is not.
 */
export class Feeder {
  /** All records with a number below it were acknowledged. */
  count = 0
  readonly #log: Log
  readonly #stream: ReturnType<typeof generateStream>
  readonly #rate: number
  #waiting: (() => void)[] = []
  #stopped = false
  #between: (() => Promise<void>) | undefined

  constructor(log: Log, stream: ReturnType<typeof generateStream>, rate: number) {
    this.#log = log
    this.#stream = stream
    this.#rate = rate
  }

  stop(): void {
    this.#stopped = true
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      await this.#between?.()
      const records: OutRecord[] = []
      const most = (this.#rate * (this.#waiting.length > 0 ? burstMs : tickMs)) / 1000
      while (records.length < most) {
        const { value: event } = this.#stream.next()
        if (!event) break
        const headers = { [numberHeader]: String(this.count + records.length) }
        records.push({ topic: event.topic, key: event.customer, value: event.value, headers })
      }
      while (
        !(await this.#log.append(records).then(
          () => true,
          () => false,
        ))
      )
        await sleep(tickMs)
      this.count += records.length
      for (const resolve of this.#waiting.splice(0)) resolve()
      await sleep(tickMs)
    }
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Does the work between two appends: meanwhile nothing comes. */
  hold<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#between = async () => {
        this.#between = undefined
        await work().then(resolve, reject)
      }
    })
  }

  /** Makes the next events many, and resolves so many milliseconds after they are in the log. */
  async burst(laterMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve)
      setTimeout(resolve, burstPatienceMs)
    })
    await sleep(laterMs)
  }
}

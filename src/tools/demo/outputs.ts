import type { PublishedAction } from '../../emit/action.ts'
import type { RecordBatch } from '../../events/log.ts'
import type { Consumption, Log } from '../../log/log.ts'
import { Latencies, type Percentiles } from './latencies.ts'
import type { SendTimes } from './send-times.ts'

/** More than a run of a million events has. */
const keptLatencies = 100_000

interface Topics {
  readonly actions: string
  readonly dead_letters: string
}

/** Reads what the service published, as a downstream app would: a consumer of committed records that counts. */
export class Outputs {
  readonly #topics: Topics
  readonly #sendTimes: SendTimes
  readonly #latencies = new Latencies(keptLatencies)
  /** By topic and partition, the offset to go on from: after a rebalance, records come again. */
  readonly #next = new Map<string, number>()
  readonly actions = new Map<string, number>()
  /** By reason. */
  readonly deadLetters = new Map<string, number>()
  /** The first action, and when it came: ms since this process began. */
  first: { readonly action: string; readonly customer: string; readonly atMs: number } | undefined
  lastCustomer: string | undefined
  /** Why nothing more will come. */
  crash: Error | undefined

  constructor(topics: Topics, sendTimes: SendTimes) {
    this.#topics = topics
    this.#sendTimes = sendTimes
  }

  consume(log: Log, groupId: string): Promise<Consumption> {
    return log.consume({
      topics: [this.#topics.actions, this.#topics.dead_letters],
      groupId,
      onAssigned: () => {},
      onBatch: async (batch) => this.onBatch(batch, performance.now()),
      onFailure: (error) => {
        this.crash = error as Error
      },
      onCrash: (error) => {
        this.crash = error
      },
    })
  }

  onBatch(batch: RecordBatch, receivedMs: number): void {
    const key = `${batch.topic} ${batch.partition}`
    const next = this.#next.get(key) ?? 0
    for (let i = 0; i < batch.count; i++) {
      if (batch.offset(i) < next) continue
      if (batch.topic === this.#topics.actions) this.#action(batch, i, receivedMs)
      else this.#deadLetter(batch, i)
    }
    this.#next.set(key, Math.max(next, batch.nextOffset))
  }

  /** From the hand-over to the producer until the action's receipt; ms. */
  eventToAction(): Percentiles | undefined {
    return this.#latencies.percentiles()
  }

  #action(batch: RecordBatch, i: number, receivedMs: number): void {
    const { action, customer, partition, offset } = JSON.parse(String(batch.value(i))) as PublishedAction
    count(this.actions, action)
    this.lastCustomer = customer
    this.first ??= { action, customer, atMs: receivedMs }
    const sentMs = this.#sendTimes.of(partition, offset)
    if (sentMs !== undefined) this.#latencies.add(receivedMs - sentMs)
  }

  #deadLetter(batch: RecordBatch, i: number): void {
    const header = batch.headers(i).find(({ name }) => name === 'beckon.errors.reason')
    count(this.deadLetters, String(header?.value))
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

export function sum(counts: ReadonlyMap<string, number>): number {
  let total = 0
  for (const n of counts.values()) total += n
  return total
}

import { generateClicks } from '../../bench/clicks.ts'
import { Random } from '../../src/tools/demo/random.ts'

const customers = 2_000
const lateShare = 0.03
const duplicateShare = 0.04
/** Of records that erase the customer of the click before, who mostly comes back. */
const erasureShare = 0.002
/** A duplicate repeats one of so many clicks before it, mostly one of the last: some come past the window of an hour. */
const memory = 8_000
const spanMs = 30 * 3_600_000
const longShare = 0.7
/** So that what a customer does comes by both topics, in whichever order. */
const firstTopicShare = 0.6
/** A run may take longer than planned. */
const reserve = 4

export interface StreamRecord {
  readonly topic: string
  readonly customer: string
  /** null: the customer is to be erased. */
  readonly value: Buffer | null
}

/**
 * Clicks in the order of the log, 3 % of them late by up to 30 s, and 4 % more that a producer sent again, each to the one
 * topic or to the other. Most are of customers for whom `count` of all clicks are 30 hours of event time, so that windows of
 * a day slide. Those of the others are of now, so that timers run while workers come and go. Now and then a customer is
 * erased. There are some times as many.
 */
export function* generateStream(
  seed: number,
  count: number,
  topics: readonly string[],
  now: { readonly startMs: number; readonly spanMs: number },
): Generator<StreamRecord> {
  const random = new Random(seed)
  const recent: StreamRecord[] = []
  const shares = [longShare, 1 - longShare]
  const clicks = [{ spanMs }, now].map((times, i) =>
    generateClicks({
      ...times,
      count: Math.ceil(count * reserve * shares[i]!),
      spanMs: times.spanMs * reserve,
      customers,
      prefix: ['a', 'n'][i]!,
      seed: seed + i,
      lateShare,
    }),
  )
  for (;;) {
    const which = random.chance(longShare) ? 0 : 1
    const { value: click } = clicks[which]!.next()
    if (!click) return
    const record = {
      customer: click.customer,
      value: click.value,
      topic: topics[random.chance(firstTopicShare) ? 0 : 1]!,
    }
    yield record
    if (random.chance(erasureShare)) yield { ...record, value: null }
    recent.push(record)
    if (recent.length > memory * 2) recent.splice(0, memory)
    if (!random.chance(duplicateShare)) continue
    const back = 1 + Math.floor(random.unit() ** 3 * Math.min(memory, recent.length))
    yield recent[recent.length - back]!
  }
}

import { type Click, generateClicks } from '../../bench/clicks.ts'
import { Random } from '../../src/demo/random.ts'

const customers = 2_000
const lateShare = 0.03
const duplicateShare = 0.04
/** A duplicate repeats one of so many clicks before it, mostly one of the last: some come past the window of an hour. */
const memory = 8_000
const spanMs = 30 * 3_600_000
/** A run may take longer than planned. */
const reserve = 4

export interface StreamRecord extends Pick<Click, 'customer' | 'value'> {
  readonly topic: string
}

/**
 * Clicks in the order of the log, 3 % of them late by up to 30 s, and 4 % more that a producer sent again; most are in
 * the first topic, the others in the second. `count` of them span 30 hours of event time, and there are some times as many.
 */
export function* generateStream(seed: number, count: number, topics: readonly string[]): Generator<StreamRecord> {
  const random = new Random(seed)
  const recent: StreamRecord[] = []
  const clicks = generateClicks({ count: count * reserve, spanMs: spanMs * reserve, customers, seed, lateShare })
  for (const { customer, value } of clicks) {
    const record = { customer, value, topic: topics[random.chance(0.7) ? 0 : 1]! }
    yield record
    recent.push(record)
    if (recent.length > memory * 2) recent.splice(0, memory)
    if (!random.chance(duplicateShare)) continue
    const back = 1 + Math.floor(random.unit() ** 3 * Math.min(memory, recent.length))
    yield recent[recent.length - back]!
  }
}

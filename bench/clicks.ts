import { Random } from '../src/tools/demo/random.ts'
import { Schedule } from '../src/tools/demo/schedule.ts'

/** In the order of the symbols in clicks.avsc. */
export const clickTypes = ['view', 'search', 'add_to_cart', 'remove_from_cart', 'purchase', 'support'] as const
type ClickType = (typeof clickTypes)[number]
/** Of a hundred clicks, how many are of that type or of one before it. */
const typesUpTo = [60, 80, 90, 92, 98, 100]

export interface Click {
  readonly customer: string
  readonly type: ClickType
  /** In whole cents. */
  readonly price: number
  /** Event time; late clicks have one before those of clicks that came earlier. */
  readonly timeMs: number
  /** When it reached the log: never less than that of the click before. */
  readonly loggedMs: number
  /** The wire format with schema id 1 and a record of clicks.avsc. */
  readonly value: Buffer
}

export interface ClickOptions {
  readonly count: number
  readonly customers: number
  /** Of their ids. */
  readonly prefix?: string
  readonly seed: number
  /** The share of clicks that are late, by 1 s to `maxLateMs`. */
  readonly lateShare?: number
  readonly maxLateMs?: number
  /** The first click's time; default 2026-01-01. */
  readonly startMs?: number
  /** The event time that the clicks are spread over; default 30 h, so that windows of a day slide. */
  readonly spanMs?: number
}

interface Session {
  readonly id: string
  readonly customer: string
  readonly userAgent: string
  atMs: number
  left: number
}

const meanGapMs = 15_000
/** Customers by popularity follow Zipf's law with this exponent. */
const skew = 0.99
const items = 20_000
const userAgents = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15',
  'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0',
]

/**
 * The reference workload: sessions of 12 clicks on average, 15 s apart on average, of customers who are drawn by
 * Zipf's law, in the order in which they reach the log. The same options give the same clicks.
 */
export function* generateClicks(options: ClickOptions): Generator<Click> {
  const { count, customers, prefix = 'u', seed, lateShare = 0.01, maxLateMs = 30_000 } = options
  const { startMs = Date.UTC(2026, 0, 1), spanMs = 30 * 3_600_000 } = options
  const random = new Random(seed)
  const popularity = zipf(customers, skew)
  const encoder = new ClickEncoder()
  const sessions = new Schedule<Session>()
  let opened = 0

  function open(atMs: number): void {
    // Neighbours in popularity get names far apart, so that no range of names is hot.
    const customer = (rank(popularity, random.unit()) * 7919 + 17) % customers
    sessions.add(atMs, {
      id: `s${hex(random.bits())}${hex(++opened)}`,
      customer: `${prefix}${String(customer).padStart(6, '0')}`,
      userAgent: random.pick(userAgents),
      atMs,
      left: 1 + Math.floor(random.exponential(11.5)),
    })
  }

  const concurrent = Math.max(1, Math.round((count / spanMs) * meanGapMs))
  for (let i = 0; i < concurrent; i++) open(random.unit() * meanGapMs)

  for (let i = 0; i < count; i++) {
    const session = sessions.take()
    const loggedMs = startMs + Math.floor(session.atMs)
    const lateMs = random.chance(lateShare) ? 1000 + random.below(maxLateMs - 1000) : 0
    const percent = random.below(100)
    const type = typesUpTo.findIndex((upTo) => percent < upTo)
    // A fifth of the items draws half of the clicks.
    const item = Math.floor(random.unit() ** 2.2 * items)
    const price = (Math.round(random.exponential(4500)) + 99) / 100
    const itemId = `i${String(item).padStart(6, '0')}`
    const timeMs = loggedMs - lateMs
    encoder.start()
    encoder.text(`${hex(random.bits())}${hex(random.bits())}${hex(i)}`)
    encoder.text(session.customer)
    encoder.text(session.id)
    encoder.long(type)
    encoder.text(itemId)
    encoder.double(price)
    encoder.text(`https://shop.example/c/${item % 37}/p/${itemId}?src=${item % 7}&pos=${random.below(60)}`)
    encoder.text(session.userAgent)
    encoder.long(timeMs)
    yield { customer: session.customer, type: clickTypes[type]!, price, timeMs, loggedMs, value: encoder.finish() }

    session.atMs += random.exponential(meanGapMs)
    session.left--
    if (session.left > 0) sessions.add(session.atMs, session)
    else open(session.atMs)
  }
}

/** The chance of a rank up to each, from 0 on. */
function zipf(count: number, exponent: number): Float64Array {
  const upTo = new Float64Array(count)
  let sum = 0
  for (let i = 0; i < count; i++) {
    sum += (i + 1) ** -exponent
    upTo[i] = sum
  }
  return upTo.map((weight) => weight / sum)
}

/** The first rank whose cumulated chance is above `drawn`. */
function rank(upTo: Float64Array, drawn: number): number {
  let low = 0
  let high = upTo.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (upTo[middle]! > drawn) high = middle
    else low = middle + 1
  }
  return low
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0')
}

/** Writes one Avro record at a time, behind the wire format's five bytes. Texts are ASCII. */
class ClickEncoder {
  readonly #scratch = Buffer.alloc(1024)
  #at = 0

  start(): void {
    this.#scratch.writeInt32BE(1, 1)
    this.#at = 5
  }

  /** A whole number from 0 to 2^52, in zigzag base 128. */
  long(value: number): void {
    let left = value * 2
    while (left >= 0x80) {
      this.#scratch[this.#at++] = (left % 0x80) + 0x80
      left = Math.floor(left / 0x80)
    }
    this.#scratch[this.#at++] = left
  }

  text(value: string): void {
    this.long(value.length)
    this.#at += this.#scratch.write(value, this.#at, 'latin1')
  }

  double(value: number): void {
    this.#at = this.#scratch.writeDoubleLE(value, this.#at)
  }

  finish(): Buffer {
    return Buffer.from(this.#scratch.subarray(0, this.#at))
  }
}

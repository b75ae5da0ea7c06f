import type { Random } from './random.ts'
import type { ShopEvent } from './visit.ts'

/** A record that must end as a dead letter; `fault` is the reason that the dead letter gives. */
export type BadRecord = BadContent | BadBytes

interface BadContent {
  readonly fault: 'no_user' | 'future' | 'bad_time'
  readonly key: string
  readonly timeMs: number
  /** Well-formed, and wrong in what it says: to be encoded as the good ones are. */
  readonly event: ShopEvent
}

interface BadBytes {
  readonly fault: 'bad_magic' | 'too_short'
  readonly key: string
  readonly timeMs: number
  /** To be sent as they are to a topic in the wire format. */
  readonly bytes: Buffer
}

const faults = ['no_user', 'future', 'bad_time', 'bad_magic', 'too_short'] as const
const yearMs = 365 * 86_400_000

/** A bad record with the key and the time of a good one. */
export function spoil(event: ShopEvent, key: string, random: Random): BadRecord {
  const fault = random.pick(faults)
  const timeMs = event.timestamp
  const bad = { ...event, messageId: `${event.messageId}-bad` }
  switch (fault) {
    case 'no_user':
      return { fault, key, timeMs, event: { ...bad, userId: null, anonymousId: random.pick(['', '  ', 'undefined']) } }
    case 'future':
      return { fault, key, timeMs, event: withTimes(bad, (ms) => ms + yearMs) }
    case 'bad_time':
      // In seconds, as so many producers send it at first.
      return { fault, key, timeMs, event: withTimes(bad, (ms) => Math.floor(ms / 1000)) }
    case 'bad_magic':
      return { fault, key, timeMs, bytes: random.chance(0.5) ? Buffer.from(JSON.stringify(bad)) : garbage(random) }
    case 'too_short':
      return { fault, key, timeMs, bytes: Buffer.alloc(random.below(5)) }
  }
}

function withTimes(event: ShopEvent, change: (ms: number) => number): ShopEvent {
  const { timestamp, sentAt, receivedAt } = event
  return { ...event, timestamp: change(timestamp), sentAt: change(sentAt), receivedAt: change(receivedAt) }
}

/** Bytes that do not begin as the wire format does. */
function garbage(random: Random): Buffer {
  const bytes = Buffer.alloc(8 + random.below(200))
  for (let i = 0; i < bytes.length; i++) bytes[i] = random.bits()
  bytes[0] = 1 + random.below(255)
  return bytes
}

import { noSession } from '../enrich/session.ts'
import type { Properties, Value } from '../events/event.ts'
import type { Panes } from '../features/aggregate.ts'
import { compareScalars, isScalar, type Scalar } from '../features/aggregates/order.ts'
import { RecentIds } from '../ingest/recent-ids.ts'

/**
 * All that is kept of one customer. It is made of parts that belong to the stages; the stages change them in place,
 * one event after the other, and `codec.ts` writes them into the profile's row.
 */
export class Profile {
  readonly customer: string
  /** The first input offset that is not folded in yet: a replay skips what lies before it. */
  nextOffset = 0
  /** The largest event time seen so far; ms. 0 before the first event. */
  streamTimeMs = 0
  /** The panes of each feature group, by the group's index; undefined until an event touches it. */
  readonly groups: (Panes | undefined)[] = []
  readonly session = noSession()
  /** The latest value of each trait by event time, and that time. */
  readonly traits = new Map<string, Scalar>()
  readonly traitTimes = new Map<string, number>()
  readonly recentIds = new RecentIds()
  /** Times of the actions published to the customer, ascending, by the action's name; as long as a cap looks back. */
  readonly contacts = new Map<string, number[]>()
  /** Changed since its row was last written. */
  dirty = false

  constructor(customer: string) {
    this.customer = customer
  }
}

/** The most traits that a profile keeps; further names are ignored, as are values that are lists or maps. */
const maxTraits = 200

/** Takes over the traits that an event states. Of several statements of one trait the one of the latest event holds. */
export function mergeTraits({ traits, traitTimes }: Profile, stated: Properties, timeMs: number): void {
  for (let i = 0; i < stated.names.length; i++) {
    const name = stated.names[i]!
    const value: Value = stated.values[i]!
    if (!isScalar(value)) continue
    const before = traitTimes.get(name)
    if (before === undefined ? traits.size >= maxTraits : before > timeMs) continue
    if (before === timeMs && compareScalars(value, traits.get(name)!) <= 0) continue
    traits.set(name, value)
    traitTimes.set(name, timeMs)
  }
}

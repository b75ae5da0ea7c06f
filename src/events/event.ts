/**
 * The vocabulary of what a customer did. An `Event` is what every input format decodes to, and all that the
 * later stages see of it. One instance an event, always with the same fields in the same order, so that the
 * engine keeps one hidden class for all of them.
 */

/** A value that a producer can send: JSON's values, and no others. Numbers are finite. */
export type Value = null | boolean | number | string | readonly Value[] | { readonly [name: string]: Value }

/**
 * Named values in two parallel arrays. A record schema gives all of its events the same `names` array, so a
 * reader that remembers the array it saw last finds its name by one comparison (`propertyReader`).
 * Names are the producer's data: `__proto__` is a name like any other.
 */
export class Properties {
  static readonly empty = new Properties([], [])
  readonly names: readonly string[]
  readonly values: readonly Value[]

  constructor(names: readonly string[], values: readonly Value[]) {
    this.names = names
    this.values = values
  }

  /** The value of that name, the last one where a producer sent it twice; undefined where there is none. */
  get(name: string): Value | undefined {
    // On a frozen array `lastIndexOf` takes a slow path.
    for (let at = this.names.length - 1; at >= 0; at--) if (this.names[at] === name) return this.values[at]
    return undefined
  }

  /** These and one more, which takes the place of one of its name. */
  with(name: string, value: Value): Properties {
    return new Properties([...this.names, name], [...this.values, value])
  }

  toObject(): { readonly [name: string]: Value } {
    const object: Record<string, Value> = Object.create(null)
    for (let i = 0; i < this.names.length; i++) object[this.names[i]!] = this.values[i]!
    return object
  }
}

/** Strings are empty, and times 0, where the producer sent none. */
export class Event {
  /** Unique by customer within the de-duplication window. */
  id = ''
  /** The known customer, else the anonymous id: the key of the profile. */
  customer = ''
  anonymousId = ''
  /** For instance `Product Viewed`, `page`, `purchase`. */
  type = ''
  /** Event time in ms since 1970 UTC, corrected for client clock skew. */
  timeMs = 0
  /** When the client says that it sent the event, by its own clock; ms. 0 also where the event time is not by that clock. */
  sentAtMs = 0
  /** When the collector received it; ms. */
  receivedAtMs = 0
  /** The producer's own session id; beckon derives its own sessions. */
  sessionId = ''
  url = ''
  title = ''
  referrer = ''
  userAgent = ''
  ip = ''
  locale = ''
  timezone = ''
  /** Where the event came from: `web`, `ios`, `server` … */
  channel = ''
  /** The event's own amount (revenue, reading), NaN where there is none. */
  value = Number.NaN
  currency = ''
  properties: Properties = Properties.empty
  /** Traits of the customer that the event states (`identify` calls). */
  traits: Properties = Properties.empty
}

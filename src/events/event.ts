/**
 * The vocabulary of what a customer did. Every input format decodes to an `Event`, and later stages see nothing else of the
 * input. One instance per event, always with the same fields in the same order, so that the JavaScript engine keeps one
 * hidden class for all of them.
 */

/** A value that a producer can send: JSON's values, and no others. Numbers are finite. */
export type Value = null | boolean | number | string | readonly Value[] | { readonly [name: string]: Value }

/**
 * Named values in two parallel arrays. A record schema gives all of its events the same `names` array, so a
 * reader that remembers the array it saw last finds its name by one comparison (`memberReader`).
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

  /** The value of that name (the last one if a producer sent it twice), or undefined. */
  get(name: string): Value | undefined {
    // On a frozen array `lastIndexOf` takes a slow path.
    for (let at = this.names.length - 1; at >= 0; at--) if (this.names[at] === name) return this.values[at]
    return undefined
  }

  /** A copy with one more value, which replaces any other of that name. */
  with(name: string, value: Value): Properties {
    return new Properties([...this.names, name], [...this.values, value])
  }

  toObject(): { readonly [name: string]: Value } {
    const object: Record<string, Value> = Object.create(null)
    for (let i = 0; i < this.names.length; i++) object[this.names[i]!] = this.values[i]!
    return object
  }
}

/** If the producer sent none, a string is empty and a time 0. */
export class Event {
  /** Unique per customer within the de-duplication window. */
  id = ''
  /** The known customer, else the anonymous id: the key of the profile. */
  customer = ''
  anonymousId = ''
  /** For instance `Product Viewed`, `page`, `purchase`. */
  type = ''
  /** Event time in ms since 1970 UTC, corrected for client clock skew. */
  timeMs = 0
  /** When the client says it sent the event, by its own clock; ms. Also 0 if the event time is not by that clock. */
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
  /** The event's own amount (revenue, a reading); NaN if there is none. */
  value = Number.NaN
  currency = ''
  properties: Properties = Properties.empty
  /** The customer's traits as stated by this event (`identify` calls). */
  traits: Properties = Properties.empty
}

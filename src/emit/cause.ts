/** Where a record lies in the input. */
export interface Place {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** With its position among the records of all topics in its partition; for a timer, after its slice's events. */
export interface Positioned extends Place {
  readonly position: number
}

/** What a decision is about: an event at its offset; or a timer, at the first offset after its slice. */
export interface Cause extends Positioned {
  /** Empty for an event. */
  readonly timer: string
  /** When the timer was due; ms, 0 for an event. */
  readonly dueMs: number
  /** When an action that waited was due first: its expiry counts from there; ms. undefined: from the decision. */
  readonly sinceMs?: number
}

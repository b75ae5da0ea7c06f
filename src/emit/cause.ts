/** Where a record lies in the input. */
export interface Place {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** And among the records of all topics of its partition; of a timer, behind its slice's events. */
export interface Positioned extends Place {
  readonly position: number
}

/** What a decision is on: an event at its offset; or a timer, and the first offset that its slice does not include. */
export interface Cause extends Positioned {
  /** Empty for an event. */
  readonly timer: string
  /** When the timer was due; ms, 0 for an event. */
  readonly dueMs: number
}

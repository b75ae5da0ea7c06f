/** Where a record lies in the input. */
export interface Place {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** What a decision is on: an event at its offset; or a timer, and the first offset that its slice does not include. */
export interface Cause extends Place {
  /** Empty for an event. */
  readonly timer: string
  /** When the timer was due; ms, 0 for an event. */
  readonly dueMs: number
}

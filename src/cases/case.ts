/**
 * A case: an action that was published, and what has come of it. It is never changed in place. What it says does not depend on
 * the order in which outcomes arrive: of each kind the earliest counts.
 */
export interface Case extends Sent {
  /** When each of these happened, by event time; ms, 0 for not yet. A click implies its impression. */
  readonly deliveredMs: number
  readonly impressionMs: number
  readonly clickMs: number
  /** An event met the action's goal. */
  readonly goalMs: number
  readonly conversionMs: number
  readonly rejectionMs: number
  /** It did not reach the customer, and why: `not_delivered`, `expired`, `withdrawn`, `failure`. */
  readonly failureMs: number
  readonly failure: string
  /** What the success was worth, and when; NaN and 0 where nothing said. The earliest that said counts. */
  readonly value: number
  readonly valueMs: number
  /** Its window is over, or newer cases took its place. */
  readonly isOver: boolean
  /** Goes up with every change; 1 when it begins. */
  readonly revision: number
}

/** What was known when the action was published. */
export interface Sent {
  /** The action's. */
  readonly id: string
  readonly action: string
  readonly treatment: string
  readonly channel: string
  readonly group: string
  readonly tags: readonly string[]
  readonly purpose: string
  readonly arm: string
  readonly policy: string
  /** As of when it was decided; ms. */
  readonly timeMs: number
  /** Its window ends before this; ms. */
  readonly endMs: number
  /** With which it was to be shown, and the value that it won with. */
  readonly probability: number
  readonly score: number
  /** Whether an event can reach its goal: then a click is no success yet. */
  readonly hasGoal: boolean
}

/**
 * What is known of a case. A success counts whenever it comes. Without one, a customer who was reached and did nothing until
 * the window was over said no; of one who was not reached nothing is known.
 */
export const verdicts = ['open', 'positive', 'negative', 'not_delivered', 'unseen'] as const
export type Verdict = (typeof verdicts)[number]

export function verdictOf(one: Case): Verdict {
  const { goalMs, conversionMs, clickMs, hasGoal, rejectionMs, failureMs, deliveredMs, impressionMs, isOver } = one
  if (goalMs > 0 || conversionMs > 0 || (clickMs > 0 && !hasGoal)) return 'positive'
  if (rejectionMs > 0) return 'negative'
  if (failureMs > 0) return 'not_delivered'
  if (!isOver) return 'open'
  return deliveredMs > 0 || impressionMs > 0 ? 'negative' : 'unseen'
}

export const isOpen = (one: Case): boolean => verdictOf(one) === 'open'

export const newCase = (sent: Sent): Case => ({
  ...sent,
  deliveredMs: 0,
  impressionMs: 0,
  clickMs: 0,
  goalMs: 0,
  conversionMs: 0,
  rejectionMs: 0,
  failureMs: 0,
  failure: '',
  value: Number.NaN,
  valueMs: 0,
  isOver: false,
  revision: 1,
})

/** Who is left with nothing and what actions are left over, from the stored decisions of some time. */

/** [fromMs, toMs), by the times of decisions and events. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/** What the tables say of the span. */
export interface Counts {
  /** Each is decided on once; duplicates are not. */
  readonly events: number
  readonly stored: { readonly of_events: number; readonly of_timers: number; readonly with_nothing: number }
  /** Customers with an event, and those of them of whom no decision is stored. */
  readonly customers: number
  readonly unheard: number
  /**
   * How often each action had each reason, the most frequent first; and how often it was eligible then. A row that stands for
   * those of several customers counts as so many.
   */
  readonly reasons: readonly {
    readonly action: string
    readonly reason: string
    readonly gate: string
    readonly times: number
    readonly eligible: number
  }[]
  /** How often an outranked action lost to which, the most frequent first. */
  readonly rivals: readonly { readonly action: string; readonly rival: string; readonly times: number }[]
  /** Customers for whom nothing was chosen, by what is to blame. */
  readonly left: readonly Blame[]
}

interface Blame {
  readonly reason: string
  readonly gate: string
  readonly customers: number
}

export interface Coverage {
  readonly decisions: Counts['stored'] & {
    /** The part of the decisions on events that is stored; null where there was no event. */
    readonly stored_share: number | null
  }
  readonly customers: {
    readonly all: number
    readonly left_with_nothing: number
    readonly of_whom_no_decision_is_stored: number
    readonly by: readonly Blame[]
  }
  /** Eligible, and never chosen. */
  readonly never_chosen: readonly (ActionCounts & { readonly beaten_by: readonly Times[] })[]
  readonly never_eligible: readonly ActionCounts[]
  /** Declared, and in no stored decision. */
  readonly never_considered: readonly string[]
}

interface ActionCounts {
  readonly action: string
  /** Stored decisions in which it competed, and in which it was eligible. */
  readonly considered: number
  readonly eligible: number
  readonly reasons: readonly { readonly reason: string; readonly gate: string; readonly times: number }[]
}

interface Times {
  readonly action: string
  readonly times: number
}

/** @param declared the names of the actions that the configuration has now */
export function coverageOf(counts: Counts, declared: readonly string[]): Coverage {
  const { events, stored, customers, unheard, left } = counts
  const actions = [...new Set(counts.reasons.map(({ action }) => action))].map((action) => tally(counts, action))
  const wasChosen = ({ reasons }: ActionCounts) => reasons.some(({ reason }) => reason === 'chosen')
  const considered = new Set(actions.map(({ action }) => action))
  return {
    decisions: { ...stored, stored_share: events === 0 ? null : Math.min(1, stored.of_events / events) },
    customers: {
      all: customers,
      left_with_nothing: unheard + left.reduce((sum, { customers: count }) => sum + count, 0),
      of_whom_no_decision_is_stored: unheard,
      by: left,
    },
    never_chosen: actions
      .filter((one) => one.eligible > 0 && !wasChosen(one))
      .map((one) => ({ ...one, beaten_by: rivalsOf(counts, one.action) })),
    never_eligible: actions.filter(({ eligible }) => eligible === 0),
    never_considered: declared.filter((name) => !considered.has(name)),
  }
}

function tally({ reasons }: Counts, name: string): ActionCounts {
  const own = reasons.filter(({ action }) => action === name)
  const sum = (key: 'times' | 'eligible') => own.reduce((total, one) => total + one[key], 0)
  return {
    action: name,
    considered: sum('times'),
    eligible: sum('eligible'),
    reasons: own.map(({ reason, gate, times }) => ({ reason, gate, times })),
  }
}

const rivalsOf = ({ rivals }: Counts, name: string): Times[] =>
  rivals.filter(({ action }) => action === name).map(({ rival, times }) => ({ action: rival, times }))

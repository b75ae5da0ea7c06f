import type { Candidate, Reason } from '../../decide/decision.ts'

/**
 * What each reason says in words, and what can be asked about it. A new reason is a line here; one that has none is told by its
 * name, and is taken for something that the clock may lift.
 */
interface About {
  readonly says: string
  /** What held it back: the action's condition or worth, what a declared gate allows, or what the customer has said. */
  readonly asks?: 'when' | 'allow' | 'consent'
  /** It got past all gates. */
  readonly passed?: true
  /** No moment and no single change lifts it. */
  readonly stays?: true
}

const reasons: Readonly<Partial<Record<Reason, About>>> = {
  chosen: { says: 'it was chosen', passed: true },
  outranked: { says: 'others were worth more', passed: true },
  nothing: { says: 'sending nothing was worth more, or was tried', passed: true },
  holdout: { says: 'it would have been chosen, but the customer is in the holdout', passed: true, stays: true },
  shadow: { says: 'it would have been chosen, but is only tried in the shadow', passed: true, stays: true },
  too_large: { says: 'its record is larger than the output topic takes', passed: true, stays: true },
  not_eligible: { says: 'its condition is not met', asks: 'when' },
  eligible: { says: 'we may not', asks: 'allow' },
  applicable: { says: 'it makes no sense now', asks: 'allow' },
  suitable: { says: 'it is not right for this customer', asks: 'allow' },
  error: { says: 'what it reads is not there, or of another kind', asks: 'when' },
  not_ready: { says: 'it reads a feature that was still being computed from the events', stays: true },
  consent: { says: 'the customer has not said yes to that, or has taken it back', asks: 'consent' },
  cooldown: { says: 'it was sent too recently' },
  cap: { says: 'it was sent as often as it may be' },
  contact_policy: { says: 'the customer has had as many actions as they may, or one too recently' },
  held: { says: 'it is quiet hours: it waits, and is decided again when they end' },
  quiet_hours: { says: 'it is quiet hours, and it may not wait' },
}

export const aboutReason = (reason: string): About =>
  (reasons as Readonly<Record<string, About>>)[reason] ?? { says: reason.replaceAll('_', ' ') }

/** Whether a gate holds it back. */
export const isHeld = ({ reason }: Pick<Candidate, 'reason'>) => aboutReason(reason).passed !== true

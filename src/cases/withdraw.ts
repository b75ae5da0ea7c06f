import { type Consent, mayBeAddressed } from '../consent/consent.ts'
import { type Case, isOpen } from './case.ts'
import type { Cases, Change } from './cases.ts'
import { withOutcome } from './outcome.ts'

/**
 * Takes back the open cases to which the customer agrees no more. They are closed by it, so each is taken back once.
 * @param timeMs when the customer said so
 */
export function withdraw(cases: Cases, consent: Consent, timeMs: number): Change {
  const changed: Case[] = []
  const after = cases.map((one) => {
    const { purpose, channel } = one
    if (purpose === '' || !isOpen(one) || mayBeAddressed(consent, purpose, channel)) return one
    // It may have been said before the action was decided, and read after.
    const taken = withOutcome(one, 'withdrawn', Math.max(timeMs, one.timeMs), Number.NaN)
    changed.push(taken)
    return taken
  })
  return { cases: after, changed }
}

/** Whether the customer was reached by then: that can't be undone. */
export const wasSeen = ({ deliveredMs, impressionMs }: Case): boolean => deliveredMs > 0 || impressionMs > 0
